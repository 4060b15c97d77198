/*
 * The payload map of an attestation document.
 *
 * A key we do not know is read past: the payload is signed by the NSM, so a new key is a newer NSM and no
 * attack, and refusing it would stop every client on the day AWS adds one. A key that comes twice is refused,
 * known or not: two readers could take different ones.
 */
#include <string.h>

#include "cursor.h"
#include "doc.h"
#include "text.h"

#define KEYS_MAX     32u
#define KEY_SIZE_MAX 64u

/* The NSM locks PCR0 to PCR15 at boot, and every locked PCR is in every document. */
#define PCR_ALWAYS 16u

struct field {
    const char *name;
    int (*parse)(struct nacre_verify_doc *doc, struct nacre_vfy_cursor *cursor, nacre_verify_error *error);
    bool required;
};

static int take_sized(struct nacre_vfy_cursor *cursor, const char *what, size_t min, size_t max,
                      nacre_verify_bytes *out, nacre_verify_error *error)
{
    struct nacre_vfy_item item;
    int r = nacre_vfy_expect(cursor, what, NACRE_VFY_BYTES, &item, error);
    if (r != NACRE_VERIFY_OK) {
        return r;
    }
    if (item.size < min || item.size > max) {
        return nacre_vfy_fail(error, NACRE_VERIFY_REFUSED, "%s has %zu bytes, expected %zu to %zu", what,
                              item.size, min, max);
    }
    *out = (nacre_verify_bytes){.data = item.data, .size = item.size};
    return NACRE_VERIFY_OK;
}

/* The three optional fields are a byte string or null. */
static int take_optional(struct nacre_vfy_cursor *cursor, const char *what, size_t max,
                         nacre_verify_bytes *out, nacre_verify_error *error)
{
    struct nacre_vfy_cursor ahead = *cursor;
    struct nacre_vfy_item item;
    int r = nacre_vfy_next(&ahead, what, &item, error);
    if (r == NACRE_VERIFY_OK && item.kind == NACRE_VFY_NULL) {
        *cursor = ahead;
        return NACRE_VERIFY_OK;
    }
    return r == NACRE_VERIFY_OK ? take_sized(cursor, what, 0, max, out, error) : r;
}

static int parse_module_id(struct nacre_verify_doc *doc, struct nacre_vfy_cursor *cursor,
                           nacre_verify_error *error)
{
    struct nacre_vfy_item item;
    int r = nacre_vfy_expect(cursor, "module_id", NACRE_VFY_TEXT, &item, error);
    if (r != NACRE_VERIFY_OK) {
        return r;
    }
    if (item.size == 0 || item.size > NACRE_VERIFY_MODULE_ID_MAX) {
        return nacre_vfy_fail(error, NACRE_VERIFY_REFUSED, "module_id has %zu bytes, expected 1 to %u",
                              item.size, NACRE_VERIFY_MODULE_ID_MAX);
    }
    for (size_t i = 0; i < item.size; i++) {
        /* It ends up on terminals and in logs. */
        if (item.data[i] <= ' ' || item.data[i] > '~') {
            return nacre_vfy_fail(error, NACRE_VERIFY_REFUSED, "module_id holds the byte 0x%02x",
                                  item.data[i]);
        }
        doc->module_id[i] = (char)item.data[i];
    }
    return NACRE_VERIFY_OK;
}

static int parse_digest(struct nacre_verify_doc *doc, struct nacre_vfy_cursor *cursor,
                        nacre_verify_error *error)
{
    static const char sha384[] = "SHA384";
    struct nacre_vfy_item item;
    (void)doc;
    int r = nacre_vfy_expect(cursor, "digest", NACRE_VFY_TEXT, &item, error);
    if (r != NACRE_VERIFY_OK) {
        return r;
    }
    if (item.size != sizeof sha384 - 1 || memcmp(item.data, sha384, item.size) != 0) {
        return nacre_vfy_fail(error, NACRE_VERIFY_REFUSED, "digest is a text of %zu bytes, expected \"%s\"",
                              item.size, sha384);
    }
    return NACRE_VERIFY_OK;
}

static int parse_timestamp(struct nacre_verify_doc *doc, struct nacre_vfy_cursor *cursor,
                           nacre_verify_error *error)
{
    struct nacre_vfy_item item;
    int r = nacre_vfy_expect(cursor, "timestamp", NACRE_VFY_UINT, &item, error);
    if (r != NACRE_VERIFY_OK) {
        return r;
    }
    if (item.value == 0 || item.value > NACRE_VFY_TIME_MAX) {
        return nacre_vfy_fail(error, NACRE_VERIFY_REFUSED, "timestamp is %llu ms, expected 1 to %llu",
                              (unsigned long long)item.value, (unsigned long long)NACRE_VFY_TIME_MAX);
    }
    doc->timestamp_ms = item.value;
    return NACRE_VERIFY_OK;
}

static int parse_pcr(struct nacre_verify_doc *doc, struct nacre_vfy_cursor *cursor, nacre_verify_error *error)
{
    struct nacre_vfy_item index;
    int r = nacre_vfy_expect(cursor, "PCR index", NACRE_VFY_UINT, &index, error);
    if (r != NACRE_VERIFY_OK) {
        return r;
    }
    if (index.value >= NACRE_VERIFY_PCR_COUNT_MAX) {
        return nacre_vfy_fail(error, NACRE_VERIFY_REFUSED, "PCR index is %llu, the last is %u",
                              (unsigned long long)index.value, NACRE_VERIFY_PCR_COUNT_MAX - 1);
    }
    if (doc->pcr[index.value].data != NULL) {
        return nacre_vfy_fail(error, NACRE_VERIFY_REFUSED, "PCR%u comes twice", (unsigned)index.value);
    }
    doc->pcr_count++;
    return take_sized(cursor, "PCR", NACRE_VERIFY_PCR_SIZE, NACRE_VERIFY_PCR_SIZE, &doc->pcr[index.value],
                      error);
}

static int parse_pcrs(struct nacre_verify_doc *doc, struct nacre_vfy_cursor *cursor,
                      nacre_verify_error *error)
{
    struct nacre_vfy_item map;
    bool more = false;
    int r = nacre_vfy_expect(cursor, "pcrs", NACRE_VFY_MAP, &map, error);
    while (r == NACRE_VERIFY_OK && (r = nacre_vfy_more(cursor, &map, &more, error)) == NACRE_VERIFY_OK &&
           more) {
        r = parse_pcr(doc, cursor, error);
    }
    for (unsigned i = 0; r == NACRE_VERIFY_OK && i < PCR_ALWAYS; i++) {
        if (doc->pcr[i].data == NULL) {
            return nacre_vfy_fail(error, NACRE_VERIFY_REFUSED,
                                  "pcrs holds %u PCRs and no PCR%u, expected PCR0 to PCR%u and more",
                                  doc->pcr_count, i, PCR_ALWAYS - 1);
        }
    }
    return r;
}

static int parse_certificate(struct nacre_verify_doc *doc, struct nacre_vfy_cursor *cursor,
                             nacre_verify_error *error)
{
    return take_sized(cursor, "certificate", 1, NACRE_VERIFY_CERTIFICATE_MAX, &doc->certificate, error);
}

static int parse_cabundle(struct nacre_verify_doc *doc, struct nacre_vfy_cursor *cursor,
                          nacre_verify_error *error)
{
    struct nacre_vfy_item array;
    bool more = false;
    int r = nacre_vfy_expect(cursor, "cabundle", NACRE_VFY_ARRAY, &array, error);
    while (r == NACRE_VERIFY_OK && (r = nacre_vfy_more(cursor, &array, &more, error)) == NACRE_VERIFY_OK &&
           more) {
        if (doc->cabundle_count == NACRE_VERIFY_CHAIN_MAX - 1) {
            return nacre_vfy_fail(error, NACRE_VERIFY_REFUSED,
                                  "cabundle holds more than %u certificates: the chain has at most %u",
                                  NACRE_VERIFY_CHAIN_MAX - 1, NACRE_VERIFY_CHAIN_MAX);
        }
        r = take_sized(cursor, "certificate in cabundle", 1, NACRE_VERIFY_CERTIFICATE_MAX,
                       &doc->cabundle[doc->cabundle_count], error);
        doc->cabundle_count++;
    }
    if (r == NACRE_VERIFY_OK && doc->cabundle_count == 0) {
        return nacre_vfy_fail(error, NACRE_VERIFY_REFUSED, "cabundle is empty, expected 1 to %u certificates",
                              NACRE_VERIFY_CHAIN_MAX - 1);
    }
    return r;
}

static int parse_public_key(struct nacre_verify_doc *doc, struct nacre_vfy_cursor *cursor,
                            nacre_verify_error *error)
{
    return take_optional(cursor, "public_key", NACRE_VERIFY_PUBLIC_KEY_MAX, &doc->public_key, error);
}

static int parse_user_data(struct nacre_verify_doc *doc, struct nacre_vfy_cursor *cursor,
                           nacre_verify_error *error)
{
    return take_optional(cursor, "user_data", NACRE_VERIFY_USER_DATA_MAX, &doc->user_data, error);
}

static int parse_nonce(struct nacre_verify_doc *doc, struct nacre_vfy_cursor *cursor,
                       nacre_verify_error *error)
{
    return take_optional(cursor, "nonce", NACRE_VERIFY_NONCE_MAX, &doc->nonce, error);
}

static const struct field fields[] = {
    {"module_id", parse_module_id, true},
    {"digest", parse_digest, true},
    {"timestamp", parse_timestamp, true},
    {"pcrs", parse_pcrs, true},
    {"certificate", parse_certificate, true},
    {"cabundle", parse_cabundle, true},
    {"public_key", parse_public_key, false},
    {"user_data", parse_user_data, false},
    {"nonce", parse_nonce, false},
};
#define FIELD_COUNT (sizeof fields / sizeof fields[0])

/* FIELD_COUNT for a key that is none of ours. */
static size_t find_field(const uint8_t *key, size_t size)
{
    size_t i = 0;
    while (i < FIELD_COUNT && (strlen(fields[i].name) != size || memcmp(fields[i].name, key, size) != 0)) {
        i++;
    }
    return i;
}

struct keys {
    nacre_verify_bytes key[KEYS_MAX];
    size_t count;
};

static int take_key(struct nacre_vfy_cursor *cursor, struct keys *keys, size_t *field,
                    nacre_verify_error *error)
{
    struct nacre_vfy_item key = {.size = 0};
    int r = nacre_vfy_expect(cursor, "payload key", NACRE_VFY_TEXT, &key, error);
    if (r != NACRE_VERIFY_OK) {
        return r;
    }
    if (keys->count == KEYS_MAX || key.data == NULL || key.size > KEY_SIZE_MAX) {
        return nacre_vfy_fail(error, NACRE_VERIFY_REFUSED,
                              "payload has more than %u keys, or one of over %u bytes", KEYS_MAX,
                              KEY_SIZE_MAX);
    }
    for (size_t i = 0; i < keys->count; i++) {
        if (keys->key[i].size == key.size && memcmp(keys->key[i].data, key.data, key.size) == 0) {
            return nacre_vfy_fail(error, NACRE_VERIFY_REFUSED, "payload key %zu comes again as key %zu", i,
                                  keys->count);
        }
    }
    keys->key[keys->count++] = (nacre_verify_bytes){.data = key.data, .size = key.size};
    *field = find_field(key.data, key.size);
    return NACRE_VERIFY_OK;
}

int nacre_vfy_parse_payload(struct nacre_verify_doc *doc, nacre_verify_error *error)
{
    struct nacre_vfy_cursor cursor;
    struct nacre_vfy_item map;
    struct keys keys = {.count = 0};
    bool seen[FIELD_COUNT + 1] = {false};
    bool more = false;
    nacre_vfy_cursor_init(&cursor, doc->payload.data, doc->payload.size);
    int r = nacre_vfy_expect(&cursor, "payload", NACRE_VFY_MAP, &map, error);
    while (r == NACRE_VERIFY_OK && (r = nacre_vfy_more(&cursor, &map, &more, error)) == NACRE_VERIFY_OK &&
           more) {
        size_t i = FIELD_COUNT;
        r = take_key(&cursor, &keys, &i, error);
        if (r != NACRE_VERIFY_OK) {
            return r;
        }
        seen[i] = true;
        r = i < FIELD_COUNT ? fields[i].parse(doc, &cursor, error)
                            : nacre_vfy_skip(&cursor, "the value of an unknown payload key", error);
    }
    for (size_t i = 0; r == NACRE_VERIFY_OK && i < FIELD_COUNT; i++) {
        if (fields[i].required && !seen[i]) {
            return nacre_vfy_fail(error, NACRE_VERIFY_REFUSED, "payload has no %s", fields[i].name);
        }
    }
    if (r == NACRE_VERIFY_OK && cursor.left != 0) {
        return nacre_vfy_fail(error, NACRE_VERIFY_REFUSED, "payload is followed by %zu bytes", cursor.left);
    }
    return r;
}
