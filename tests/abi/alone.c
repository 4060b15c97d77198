/* alone.c - the header and nothing else. */
#include <nacre/plugin.h>

int main(void)
{
    return 0;
}
