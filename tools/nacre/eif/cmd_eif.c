#include "../commands.h"
#include "../file.h"
#include "cmds.h"

#include <errno.h>
#include <stdio.h>

int nacre_cmd_eif(int argc, char **argv)
{
    static const struct nacre_command commands[] = {
        {"build", "write an enclave image from kernel, command line and ramdisks", nacre_eif_cmd_build},
        {"describe", "print what an image says, and whether it holds", nacre_eif_cmd_describe},
        {"measure", "print the measurements (PCRs) of an image or of its parts", nacre_eif_cmd_measure},
        {"verify", "check an image: structure, CRC, signature, measurements, app", nacre_eif_cmd_verify},
        {"ramdisk", "write a ramdisk that is the same whoever writes it", nacre_eif_cmd_ramdisk},
        {"list", "print the files of a ramdisk with sizes and digests", nacre_eif_cmd_list},
    };
    return nacre_command_dispatch("nacre eif", "Writes and checks enclave image files (EIF).", commands,
                                  sizeof commands / sizeof commands[0], argc, argv);
}

int nacre_eif_put(const char *path, const void *data, size_t len, char *why, size_t why_len)
{
    if (path)
        return nacre_file_write(path, data, len, why, why_len);
    if (fwrite(data, 1, len, stdout) != len || fflush(stdout) != 0)
        return nacre_file_error("standard output", "cannot write", errno, why, why_len);
    return 0;
}

int nacre_eif_failed(const char *program, const char *why)
{
    (void)fflush(stdout);
    (void)fprintf(stderr, "%s: %s\n", program, why);
    return NACRE_EXIT_FAILED;
}
