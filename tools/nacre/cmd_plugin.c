#include "commands.h"

int nacre_cmd_plugin(int argc, char **argv)
{
    static const struct nacre_command commands[] = {
        {"manifest", "write the measured manifest of a plugin", nacre_cmd_plugin_manifest},
    };
    return nacre_command_dispatch("nacre plugin", "Works on the shared object of an app.", commands,
                                  sizeof commands / sizeof commands[0], argc, argv);
}
