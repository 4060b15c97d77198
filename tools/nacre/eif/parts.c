#include "parts.h"

#include "../commands.h"
#include "../file.h"
#include "app_ramdisk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void nacre_eif_add(struct nacre_eif *eif, uint16_t type, const uint8_t *data, size_t size)
{
    eif->sections[eif->count++] = (struct nacre_eif_section){type, 0, data, size};
}

/* Reads one file into a section. */
static int load(struct nacre_eif *eif, struct nacre_eif_parts *p, uint16_t type, const char *path, char *why,
                size_t why_len)
{
    uint8_t *data = NULL;
    size_t size = 0;
    int rc = nacre_file_read(&data, &size, path, NACRE_EIF_FILE_MAX, why, why_len);
    if (rc)
        return rc;
    p->loaded[p->n_loaded++] = data;
    if (type == NACRE_EIF_CMDLINE && size > 0 && data[size - 1] == '\n')
        size--;
    nacre_eif_add(eif, type, data, size);
    if (size == 0 && type != NACRE_EIF_CMDLINE) {
        (void)snprintf(why, why_len, "%s: an empty %s", path, nacre_eif_type_name(type));
        return -EINVAL;
    }
    return 0;
}

static int load_kernel(struct nacre_eif *eif, struct nacre_eif_parts *p, char *why, size_t why_len)
{
    int rc = load(eif, p, NACRE_EIF_KERNEL, p->kernel, why, why_len);
    if (rc)
        return rc;
    char inner[256];
    if (nacre_eif_kernel_arch(&eif->flags, eif->sections[0].data, eif->sections[0].size, inner,
                              sizeof inner)) {
        (void)snprintf(why, why_len, "%s: %s", p->kernel, inner);
        return -EINVAL;
    }
    if (p->arch && strcmp(p->arch, nacre_eif_arch_name(eif->flags)) != 0) {
        (void)snprintf(why, why_len, "%s: a kernel for %s, expected one for %s", p->kernel,
                       nacre_eif_arch_name(eif->flags), p->arch);
        return -EINVAL;
    }
    return 0;
}

static int load_app(struct nacre_eif *eif, struct nacre_eif_parts *p, char *why, size_t why_len)
{
    int rc = load(eif, p, NACRE_EIF_RAMDISK, p->app, why, why_len);
    if (rc)
        return rc;
    struct nacre_cpio entries = {0};
    char inner[512] = "out of memory";
    const struct nacre_eif_section *s = &eif->sections[eif->count - 1];
    rc = nacre_app_ramdisk_audit(&entries, s->data, s->size, inner, sizeof inner);
    nacre_cpio_free(&entries);
    if (rc)
        (void)snprintf(why, why_len, "%s: %s", p->app, inner);
    return rc;
}

int nacre_eif_parts_load(struct nacre_eif *eif, struct nacre_eif_parts *p, char *why, size_t why_len)
{
    int rc = load_kernel(eif, p, why, why_len);
    if (rc == 0 && p->cmdline_file)
        rc = load(eif, p, NACRE_EIF_CMDLINE, p->cmdline_file, why, why_len);
    else if (rc == 0)
        nacre_eif_add(eif, NACRE_EIF_CMDLINE, (const uint8_t *)p->cmdline, strlen(p->cmdline));
    for (unsigned i = 0; rc == 0 && i < p->n_ramdisks; i++)
        rc = load(eif, p, NACRE_EIF_RAMDISK, p->ramdisks[i], why, why_len);
    if (rc == 0 && p->app)
        rc = load_app(eif, p, why, why_len);
    return rc ? rc : nacre_eif_check_order(eif, why, why_len);
}

void nacre_eif_parts_free(struct nacre_eif_parts *p)
{
    for (unsigned i = 0; i < p->n_loaded; i++)
        free(p->loaded[i]);
    p->n_loaded = 0;
}

int nacre_eif_parts_usage(const struct nacre_eif_parts *p, const char *program)
{
    if (!p->kernel)
        return nacre_usage_error(program, "--kernel FILE is missing");
    if (!p->cmdline == !p->cmdline_file)
        return nacre_usage_error(program, "%s",
                                 p->cmdline ? "--cmdline and --cmdline-file are both there"
                                            : "--cmdline TEXT is missing");
    if (p->n_ramdisks == 0)
        return nacre_usage_error(program, "--ramdisk FILE is missing");
    return 0;
}

int nacre_eif_parts_option(struct nacre_eif_parts *p, int opt, char *arg, const char *program)
{
    switch (opt) {
    case 'k':
        p->kernel = arg;
        return 0;
    case 'c':
        p->cmdline = arg;
        return 0;
    case 'f':
        p->cmdline_file = arg;
        return 0;
    case 'r':
        if (p->n_ramdisks == NACRE_EIF_RAMDISKS_MAX - 1)
            return nacre_usage_error(program, "more than %u ramdisks", NACRE_EIF_RAMDISKS_MAX - 1);
        p->ramdisks[p->n_ramdisks++] = arg;
        return 0;
    case 'a':
        p->app = arg;
        return 0;
    case 'A':
        if (strcmp(arg, "x86_64") != 0 && strcmp(arg, "aarch64") != 0)
            return nacre_usage_error(program, "--arch '%s': there is x86_64 and aarch64", arg);
        p->arch = arg;
        return 0;
    default:
        return -1;
    }
}
