#include "cmd_verify.h"

#include "commands.h"
#include "verify_page.h"

int nacre_cmd_verify(int argc, char **argv)
{
    static const struct nacre_command commands[] = {
        {"document", "check an attestation document", nacre_cmd_verify_document},
        {"response", "check an answer that an enclave signed", nacre_cmd_verify_response},
        {"health", "check that an enclave's key is the attested one", nacre_cmd_verify_health},
        {"chain", "check the PCRs of a config object on Sui", nacre_cmd_verify_chain},
        {"--page", "write the page that checks all this in a browser", nacre_cmd_verify_page},
    };
    return nacre_command_dispatch("nacre verify",
                                  "Checks what an enclave says: 0 verified, 1 refused, 2 could not check.",
                                  commands, sizeof commands / sizeof commands[0], argc, argv);
}
