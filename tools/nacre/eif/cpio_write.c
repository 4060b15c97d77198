#include "cpio.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static void pad(struct nacre_blob *out, size_t start)
{
    while ((out->len - start) % 4 != 0 && !out->failed)
        nacre_blob_be(out, 0, 1);
}

static void put(struct nacre_blob *out, size_t start, uint32_t ino, uint32_t nlink,
                const struct nacre_cpio_entry *entry)
{
    char header[112];
    (void)snprintf(header, sizeof header, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", ino,
                   entry->mode, 0u, 0u, nlink, 0u, (unsigned)entry->size, 0u, 0u, entry->rdev_major,
                   entry->rdev_minor, (unsigned)strlen(entry->name) + 1, 0u);
    nacre_blob_text(out, header);
    nacre_blob_put(out, entry->name, strlen(entry->name) + 1);
    pad(out, start);
    nacre_blob_put(out, entry->data, entry->size);
    pad(out, start);
}

int nacre_cpio_write(struct nacre_blob *out, const struct nacre_cpio *c)
{
    static char end[] = "TRAILER!!!";
    const struct nacre_cpio_entry trailer = {.name = end};
    size_t start = out->len;
    for (size_t i = 0; i < c->n; i++)
        put(out, start, (uint32_t)i + 1, S_ISDIR(c->entries[i].mode) ? 2 : 1, &c->entries[i]);
    put(out, start, 0, 1, &trailer);
    return out->failed ? -ENOMEM : 0;
}
