/* plugin_read.h - what a plugin's file says about itself, without letting its code into this process. */
#ifndef NACRE_TOOL_PLUGIN_READ_H
#define NACRE_TOOL_PLUGIN_READ_H

#include <common/digest.h>
#include <stddef.h>
#include <stdint.h>

#define NACRE_PLUGIN_FILE_MAX (512u * 1024 * 1024) /* bytes of a plugin's file */

struct nacre_plugin_facts {
    uint8_t digest[NACRE_SHA384_LEN]; /* of the file */
    uint8_t *descriptor;              /* encoded (common/descriptor.h) */
    size_t descriptor_len;
};

/*
 * nacre_plugin_read - digest and descriptor of the plugin in `path`. The file is read once, into a sealed
 * memfd; a child process loads those very bytes and sends the encoded descriptor back, so that a plugin's
 * constructors can neither crash nor change the caller. Takes at most `timeout_ms`. Returns 0, or a negative
 * errno with `why` filled; *out is untouched then. Free with nacre_plugin_facts_free(). Forks: not for
 * processes with other threads that hold locks.
 */
int nacre_plugin_read(struct nacre_plugin_facts *out, const char *path, int timeout_ms, char *why,
                      size_t why_len);

/* Frees what it holds. Accepts NULL and a zeroed struct. */
void nacre_plugin_facts_free(struct nacre_plugin_facts *facts);

#endif
