#include "allow.h"

#include "file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_kms(struct nacre_allow *out, const struct nacre_kms_decl *kms)
{
    uint32_t i = out->n++;
    (void)snprintf(out->hosts[i], sizeof out->hosts[i], "%s", kms->endpoint.host);
    (void)snprintf(out->connects[i], sizeof out->connects[i], "%s", kms->endpoint.connect);
    out->entries[i].host = out->hosts[i];
    out->entries[i].connect = out->connects[i];
    out->entries[i].port = kms->endpoint.port;
}

static int from_manifest(struct nacre_allow *out, const char *file, char *why, size_t why_len)
{
    char reason[512];
    uint8_t *data = NULL;
    size_t len = 0;
    struct nacre_manifest manifest;
    int rc = nacre_file_read(&data, &len, file, NACRE_MANIFEST_MAX, why, why_len);
    if (rc)
        return rc;
    rc = nacre_manifest_parse(&manifest, data, len, reason, sizeof reason);
    free(data);
    if (rc) {
        (void)snprintf(why, why_len, "%s: %s", file, rc == -ENOMEM ? "out of memory" : reason);
        return rc;
    }
    out->n = manifest.n_allow;
    for (uint32_t i = 0; i < manifest.n_allow; i++) {
        (void)snprintf(out->hosts[i], sizeof out->hosts[i], "%s", manifest.allow[i].host);
        (void)snprintf(out->connects[i], sizeof out->connects[i], "%s", manifest.allow[i].connect);
        out->entries[i].host = out->hosts[i];
        out->entries[i].connect = out->connects[i];
        out->entries[i].port = manifest.allow[i].port;
    }
    if (manifest.kms.ciphertext) /* behind the others, as nacred asks for it */
        add_kms(out, &manifest.kms);
    nacre_manifest_free(&manifest);
    return 0;
}

/* By its name, or by its first byte, a map in CBOR: a bundle gives either the same name. */
static bool is_manifest(const char *file, size_t len)
{
    if (len > 5 && strcmp(file + len - 5, ".cbor") == 0)
        return true;
    FILE *f = fopen(file, "re");
    bool map = f && fgetc(f) == 0xa4;
    if (f)
        (void)fclose(f);
    return map;
}

int nacre_hd_allow_load(struct nacre_allow **out, const char *file, char *why, size_t why_len)
{
    *out = NULL;
    if (strcmp(file, "none") == 0)
        return 0;
    struct nacre_allow *allow = calloc(1, sizeof *allow);
    if (!allow) {
        (void)snprintf(why, why_len, "out of memory");
        return -ENOMEM;
    }
    int rc = is_manifest(file, strlen(file)) ? from_manifest(allow, file, why, why_len)
                                             : nacre_yaml_allow_load(allow, file, why, why_len);
    if (rc)
        free(allow);
    else
        *out = allow;
    return rc;
}
