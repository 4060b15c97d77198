#include "commands.h"
#include "plugin_cmds.h"

int nacre_cmd_plugin(int argc, char **argv)
{
    static const struct nacre_command commands[] = {
        {"manifest", "write the measured manifest of a plugin", nacre_cmd_plugin_manifest},
        {"show", "print what a plugin declares", nacre_plugin_cmd_show},
        {"endpoints", "print the allow list that a plugin needs", nacre_plugin_cmd_endpoints},
        {"openapi", "print the OpenAPI document of an app", nacre_plugin_cmd_openapi},
        {"move", "print a Move module that checks a plugin's answers", nacre_plugin_cmd_move},
        {"ts", "print TypeScript that checks a plugin's answers", nacre_plugin_cmd_ts},
        {"types", "print the types that a plugin's intents sign, to verify answers with",
         nacre_plugin_cmd_types},
        {"new", "write a new app, to be built against the installed nacre", nacre_plugin_cmd_new},
    };
    return nacre_command_dispatch("nacre plugin", "Works on the shared object of an app.", commands,
                                  sizeof commands / sizeof commands[0], argc, argv);
}
