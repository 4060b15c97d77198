#include "describe.h"
#include "meta.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 3, 4))) static void line(struct nacre_json_out *out, const char *name,
                                                       const char *format, ...)
{
    char text[1024];
    va_list args;
    int n = snprintf(text, sizeof text, "%-18s ", name);
    va_start(args, format);
    if (n > 0)
        (void)vsnprintf(text + n, sizeof text - (size_t)n, format, args);
    va_end(args);
    for (char *at = text; *at; at++)
        if (*at < ' ' || *at == 127)
            *at = '?'; /* an image's text is not to speak to the terminal */
    nacre_json_lit(out, text);
    nacre_json_lit(out, "\n");
}

static void pcr(struct nacre_json_out *out, const char *name, const uint8_t *value, const char *what)
{
    char hex[NACRE_SHA384_HEX];
    nacre_hex(hex, value, NACRE_SHA384_LEN);
    line(out, name, "%s  %s", hex, what);
}

static void sections(struct nacre_json_out *out, const struct nacre_eif *eif)
{
    for (unsigned i = 0; i < eif->count; i++) {
        const struct nacre_eif_section *s = &eif->sections[i];
        char name[32];
        (void)snprintf(name, sizeof name, "section %u", i);
        line(out, name, "%s, %zu bytes from offset %" PRIu64, nacre_eif_type_name(s->type), s->size,
             s->offset);
    }
}

static void signature(struct nacre_json_out *out, const struct nacre_eif_signature *s)
{
    struct nacre_eif_cert_text words;
    if (!s->cert) {
        line(out, "signature", "none");
        return;
    }
    line(out, "signature", "%s%s", s->good ? "good, over PCR0" : "BAD: ", s->good ? "" : s->why);
    nacre_eif_cert_text(&words, s->cert);
    char name[128], *value = NULL;
    for (int i = 0; nacre_eif_cert_issuer(s->cert, i, name, sizeof name, &value); i++) {
        line(out, i == 0 ? "certificate" : "", "issuer's %s: %.200s", name, value ? value : "?");
        free(value);
    }
    line(out, "valid", "%s to %s (not checked)", words.not_before ? words.not_before : "?",
         words.not_after ? words.not_after : "?");
    nacre_eif_cert_text_free(&words);
}

static void quoted(struct nacre_json_out *out, const char *name, struct nacre_eif_json value)
{
    line(out, name, "%.*s", value.len > 900 ? 900 : (int)value.len, value.text);
}

static int metadata(struct nacre_json_out *out, const struct nacre_eif *eif, char *why, size_t why_len)
{
    const struct nacre_eif_section *s = nacre_eif_find(eif, NACRE_EIF_METADATA);
    struct nacre_eif_meta meta;
    if (!s) {
        line(out, "metadata", "none");
        return 0;
    }
    int rc = nacre_eif_meta_read(&meta, (const char *)s->data, s->size, why, why_len);
    if (rc)
        return rc;
    quoted(out, "image name", meta.name);
    quoted(out, "image version", meta.version);
    for (unsigned i = 0; i < 5; i++)
        quoted(out, nacre_eif_meta_build_names[i], meta.build[i]);
    quoted(out, "custom", meta.custom);
    return 0;
}

int nacre_eif_describe_text(struct nacre_json_out *out, const struct nacre_eif_image *image, char *why,
                            size_t why_len)
{
    const struct nacre_eif *eif = &image->eif;
    const struct nacre_eif_section *cmdline = nacre_eif_find(eif, NACRE_EIF_CMDLINE);
    line(out, "version", "%u, for %s", NACRE_EIF_VERSION, nacre_eif_arch_name(eif->flags));
    line(out, "launch defaults", "%" PRIu64 " MiB, %" PRIu64 " CPUs", eif->memory >> 20, eif->cpus);
    line(out, "CRC", eif->crc == eif->computed_crc ? "%08x, good" : "%08x, BAD: of the content it is %08x",
         eif->crc, eif->computed_crc);
    sections(out, eif);
    line(out, "command line", "%.*s", cmdline->size > 900 ? 900 : (int)cmdline->size,
         (const char *)cmdline->data);
    pcr(out, "PCR0", image->pcrs.pcr0, "the whole image");
    pcr(out, "PCR1", image->pcrs.pcr1, "kernel, command line, first ramdisk");
    pcr(out, "PCR2", image->pcrs.pcr2, "the other ramdisks");
    if (image->pcrs.has_pcr8)
        pcr(out, "PCR8", image->pcrs.pcr8, "the signing certificate");
    signature(out, &image->signature);
    int rc = metadata(out, eif, why, why_len);
    if (rc == 0 && out->failed)
        return -ENOMEM;
    return rc;
}
