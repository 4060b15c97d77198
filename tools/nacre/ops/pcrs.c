#include "ops.h"

#include "file.h"
#include "netaddr.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEX        (NACRE_OPS_PCR_HEX - 1)
#define PCRS_BYTES 65536u

/* "HEX PCR<n>", nothing, or "# ..." */
static bool take_line(struct nacre_ops *o, const char *line, size_t len)
{
    char hex[NACRE_OPS_PCR_HEX];
    uint64_t index;
    while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\r'))
        len--;
    if (len == 0 || line[0] == '#')
        return true;
    if (len < HEX + 5)
        return false;
    for (size_t i = 0; i < HEX; i++)
        hex[i] = line[i] >= 'A' && line[i] <= 'F' ? (char)(line[i] + 'a' - 'A') : line[i];
    hex[HEX] = '\0';
    const char *name = line + HEX;
    while (*name == ' ')
        name++;
    size_t name_len = (size_t)(line + len - name);
    if (strspn(hex, "0123456789abcdef") != HEX || name == line + HEX || name_len < 4 ||
        memcmp(name, "PCR", 3) != 0 || nacre_number_parse(&index, name + 3, name_len - 3, 31))
        return false;
    if (index >= NACRE_OPS_PCRS) /* written by the runtime at its start: nitro-cli cannot know it */
        return true;
    bool fits = !o->expected[index][0] || strcmp(o->expected[index], hex) == 0;
    memcpy(o->expected[index], hex, sizeof hex);
    return fits;
}

int nacre_ops_pcrs_read(struct nacre_ops *o)
{
    const char *path = o->options->pcrs;
    uint8_t *data = NULL;
    size_t len = 0, number = 1;
    int rc = nacre_file_read(&data, &len, path, PCRS_BYTES, o->why, sizeof o->why);
    if (rc)
        return rc;
    const char *at = (const char *)data, *end = at + len;
    bool good = true;
    for (; good && at < end; number++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop ? stop : end;
        good = take_line(o, at, (size_t)(stop - at));
        at = stop + 1;
    }
    free(data);
    if (!good)
        return nacre_ops_fail(o, -EINVAL, "%s:%zu: expected 96 hex digits and PCR<n>, each n once", path,
                              number - 1);
    if (o->expected[0][0] || (o->expected[1][0] && o->expected[2][0]))
        return 0;
    return nacre_ops_fail(o, -EINVAL, "%s has to name PCR0, or PCR1 and PCR2: nothing else says what runs",
                          path);
}

int nacre_ops_pcrs_check(struct nacre_ops *o, const struct nacre_ops_enclave *found)
{
    for (size_t i = 0; i < NACRE_OPS_PCRS; i++) {
        /* of 3 and 4 nitro-cli says nothing; of 8 when the image is signed */
        if (!o->expected[i][0] || i == 3 || i == 4)
            continue;
        if (strcmp(found->pcr[i], o->expected[i]) != 0)
            return nacre_ops_fail(o, -EACCES, "PCR%zu is %s, %s says %s", i,
                                  found->pcr[i][0] ? found->pcr[i] : "not measured", o->options->pcrs,
                                  o->expected[i]);
    }
    return 0;
}
