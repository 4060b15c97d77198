/* A shared object that is no plugin. */
int nacre_not_a_plugin(void);

__attribute__((visibility("default"))) int nacre_not_a_plugin(void)
{
    return 1;
}
