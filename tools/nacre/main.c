/* nacre: the tool for everyone outside the enclave. */
#include "commands.h"

int main(int argc, char **argv)
{
    static const struct nacre_command commands[] = {
        {"dev", "run an app with a simulated NSM, for development", nacre_cmd_dev},
        {"host", "run the parent instance: ports, egress, health", nacre_cmd_host},
        {"plugin", "write the manifest of a plugin", nacre_cmd_plugin},
        {"eif", "write and check enclave images (EIF)", nacre_cmd_eif},
#ifdef NACRE_WITH_VERIFY
        {"verify", "check an attestation document and what was signed", nacre_cmd_verify},
        {"call", "call a route of an enclave and verify the answer", nacre_cmd_call},
        {"register", "register an enclave on Sui", nacre_cmd_register},
        {"data", "encrypt what contributors bring to a training job", nacre_cmd_data},
        {"model", "open and show what a training job made", nacre_cmd_model},
        {"repeat", "run a training job again and compare the model", nacre_cmd_repeat},
        {"secrets", "seal secrets to an enclave and deliver them", nacre_cmd_secrets},
#endif
    };
    return nacre_command_dispatch("nacre", "Builds, runs and checks apps of the nacre enclave runtime.",
                                  commands, sizeof commands / sizeof commands[0], argc, argv);
}
