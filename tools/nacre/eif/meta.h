/* meta.h - the metadata section: JSON in the shape that AWS's build tools write. It is not measured. */
#ifndef NACRE_EIF_META_H
#define NACRE_EIF_META_H

#include <common/json_read.h>
#include <common/json_write.h>

#define NACRE_EIF_CUSTOM_MAX 4096u /* bytes of an operator's own metadata, as with AWS's tools */
#define NACRE_EIF_META_MAX   (1u << 20)

struct nacre_eif_meta_input {
    const char *name, *version;
    const char *os, *kernel_version;
    const char *custom; /* a JSON object of the operator's, or NULL */
    size_t custom_len;
    int64_t time; /* seconds since 1970 */
};

/*
 * nacre_eif_meta_write - the section's text at the end of *out. 0, -ENOMEM, or -EINVAL with `why` filled when
 * the custom part is no JSON object.
 */
int nacre_eif_meta_write(struct nacre_json_out *out, const struct nacre_eif_meta_input *in, char *why,
                         size_t why_len);

/* A piece of JSON text, borrowed. */
struct nacre_eif_json {
    const char *text;
    size_t len;
};

struct nacre_eif_meta {
    struct nacre_eif_json name, version;  /* strings, with their quotes */
    struct nacre_eif_json build[5];       /* strings, in the order of the names below */
    struct nacre_eif_json docker, custom; /* any value */
};

extern const char *const nacre_eif_meta_build_names[5];

/*
 * nacre_eif_meta_read - find the parts in text[0..len), from which they are borrowed. 0, or -EBADMSG with `why`
 * filled: no JSON, a part missing, twice or of another type; unknown ones are passed over.
 */
int nacre_eif_meta_read(struct nacre_eif_meta *out, const char *text, size_t len, char *why, size_t why_len);

/* A JSON value again with two blanks for each level, the first level being `level`; it must be valid. */
void nacre_eif_json_indent(struct nacre_json_out *out, struct nacre_eif_json value, unsigned level);

#endif
