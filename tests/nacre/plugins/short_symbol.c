/* A symbol of the right name with fewer bytes than the frozen prefix has. */
extern const char nacre_plugin[8];
__attribute__((visibility("default"))) const char nacre_plugin[8] = {'N', 'A', 'C', 'R', 'E', 'P', 'L', 'G'};
