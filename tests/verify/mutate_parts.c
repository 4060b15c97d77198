/* Mutations that know CBOR and the document: whole parts are taken, moved, doubled, and lengths kept right. */
#include <stdlib.h>
#include <string.h>

#include "cursor.h"
#include "mutate.h"

#define MAJOR_BYTES 0x40
#define MAJOR_MAP   0xa0

struct sample sample_of(const nacre_verify_doc *doc)
{
    struct sample sample = {.doc = doc};
    struct nacre_vfy_cursor cursor;
    struct nacre_vfy_item map;
    struct nacre_vfy_item key;
    bool more = false;
    nacre_vfy_cursor_init(&cursor, doc->payload.data, doc->payload.size);
    if (nacre_vfy_expect(&cursor, "payload", NACRE_VFY_MAP, &map, NULL) != NACRE_VERIFY_OK) {
        abort();
    }
    sample.indefinite = map.indefinite;
    while (nacre_vfy_more(&cursor, &map, &more, NULL) == NACRE_VERIFY_OK && more) {
        const uint8_t *start = cursor.next;
        if (sample.entries == ENTRIES_MAX || nacre_vfy_next(&cursor, "key", &key, NULL) != NACRE_VERIFY_OK) {
            abort();
        }
        const uint8_t *value = cursor.next;
        if (nacre_vfy_skip(&cursor, "value", NULL) != NACRE_VERIFY_OK) {
            abort();
        }
        sample.entry[sample.entries] =
            (nacre_verify_bytes){.data = start, .size = (size_t)(cursor.next - start)};
        sample.value[sample.entries++] =
            (nacre_verify_bytes){.data = value, .size = (size_t)(cursor.next - value)};
    }
    return sample;
}

static void put(struct mutant *mutant, const void *bytes, size_t size)
{
    if (size > MUTANT_MAX - mutant->size) {
        abort();
    }
    memcpy(mutant->data + mutant->size, bytes, size);
    mutant->size += size;
}

static void put_byte(struct mutant *mutant, unsigned byte)
{
    uint8_t one = (uint8_t)byte;
    put(mutant, &one, 1);
}

static void put_head(struct mutant *mutant, unsigned major, size_t value)
{
    if (value < 24) {
        put_byte(mutant, major | (unsigned)value);
    } else if (value < 256) {
        put_byte(mutant, major | 24);
        put_byte(mutant, (unsigned)value);
    } else {
        put_byte(mutant, major | 25);
        put_byte(mutant, (unsigned)(value >> 8));
        put_byte(mutant, (unsigned)value & 0xff);
    }
}

static void put_string(struct mutant *mutant, nacre_verify_bytes bytes)
{
    put_head(mutant, MAJOR_BYTES, bytes.size);
    put(mutant, bytes.data, bytes.size);
}

static nacre_verify_bytes whole(const struct mutant *payload)
{
    return (nacre_verify_bytes){.data = payload->data, .size = payload->size};
}

static void seal(struct mutant *mutant, nacre_verify_bytes protected_header, nacre_verify_bytes payload,
                 nacre_verify_bytes signature)
{
    mutant->size = 0;
    put_byte(mutant, 0x84);
    put_string(mutant, protected_header);
    put_byte(mutant, MAJOR_MAP);
    put_string(mutant, payload);
    put_string(mutant, signature);
}

static bool differs(const struct sample *one, const struct mutant *mutant)
{
    return mutant->size != one->doc->size || memcmp(mutant->data, one->doc->bytes, mutant->size) != 0;
}

static void put_map(struct mutant *payload, const nacre_verify_bytes *entry, size_t count, bool indefinite)
{
    payload->size = 0;
    if (indefinite) {
        put_byte(payload, 0xbf);
    } else {
        put_head(payload, MAJOR_MAP, count);
    }
    for (size_t i = 0; i < count; i++) {
        put(payload, entry[i].data, entry[i].size);
    }
    if (indefinite) {
        put_byte(payload, 0xff);
    }
}

/* The document with these entries for a payload, still under its old signature. */
static bool with_entries(const struct sample *one, const nacre_verify_bytes *entry, size_t count,
                         bool indefinite, struct mutant *mutant)
{
    struct mutant *payload = malloc(sizeof *payload);
    if (payload == NULL) {
        abort();
    }
    put_map(payload, entry, count, indefinite);
    seal(mutant, one->doc->protected_header, whole(payload), one->doc->signature);
    free(payload);
    return differs(one, mutant);
}

/* The payload with one run of its bytes, a whole byte string of CBOR, replaced. */
static void replace(const struct sample *one, nacre_verify_bytes old, nacre_verify_bytes new_bytes,
                    nacre_verify_bytes signature, struct mutant *mutant)
{
    struct mutant *payload = calloc(1, sizeof *payload);
    const uint8_t *start = one->doc->payload.data;
    const uint8_t *end = start + one->doc->payload.size;
    /* Certificates and PCRs are longer than 23 bytes; up to 255 the head takes two bytes, above it three. */
    const uint8_t *head = old.data - (old.size < 256 ? 2 : 3);
    if (payload == NULL) {
        abort();
    }
    put(payload, start, (size_t)(head - start));
    put_string(payload, new_bytes);
    put(payload, old.data + old.size, (size_t)(end - (old.data + old.size)));
    seal(mutant, one->doc->protected_header, whole(payload), signature);
    free(payload);
}

static bool splice_signature(struct random *random, const struct sample *one, const struct sample *other,
                             struct mutant *mutant)
{
    (void)random;
    seal(mutant, one->doc->protected_header, one->doc->payload, other->doc->signature);
    return differs(one, mutant);
}

static bool splice_payload(struct random *random, const struct sample *one, const struct sample *other,
                           struct mutant *mutant)
{
    (void)random;
    seal(mutant, one->doc->protected_header, other->doc->payload, one->doc->signature);
    return differs(one, mutant);
}

static bool break_signature(struct random *random, const struct sample *one, const struct sample *other,
                            struct mutant *mutant)
{
    uint8_t rs[NACRE_VFY_SIGNATURE_SIZE];
    nacre_verify_bytes signature = {.data = rs, .size = sizeof rs};
    const uint8_t *good = one->doc->signature.data;
    memcpy(rs, good, sizeof rs);
    switch (random_below(random, 7)) {
    case 0:
        memset(rs, 0, 48);
        break;
    case 1:
        memset(rs + 48, 0, 48);
        break;
    case 2:
        memcpy(rs, good + 48, 48);
        memcpy(rs + 48, good, 48);
        break;
    case 3:
        memset(rs, 0xff, sizeof rs);
        break;
    case 4:
        memcpy(rs + 48, other->doc->signature.data + 48, 48);
        break;
    case 5:
        signature.size = random_below(random, sizeof rs);
        break;
    default:
        rs[random_below(random, sizeof rs)] += (uint8_t)(1 + random_below(random, 255));
        break;
    }
    seal(mutant, one->doc->protected_header, one->doc->payload, signature);
    return differs(one, mutant);
}

static bool swap_leaf(struct random *random, const struct sample *one, const struct sample *other,
                      struct mutant *mutant)
{
    /* With the other leaf's signature as well, all that is wrong is what was signed. */
    nacre_verify_bytes signature = random_below(random, 2) == 0 ? one->doc->signature : other->doc->signature;
    replace(one, one->doc->certificate, other->doc->certificate, signature, mutant);
    return differs(one, mutant);
}

static bool swap_ca(struct random *random, const struct sample *one, const struct sample *other,
                    struct mutant *mutant)
{
    size_t i = random_below(random, one->doc->cabundle_count);
    size_t j = random_below(random, other->doc->cabundle_count);
    replace(one, one->doc->cabundle[i], other->doc->cabundle[j], one->doc->signature, mutant);
    return differs(one, mutant);
}

static bool swap_own_certificates(struct random *random, const struct sample *one, const struct sample *other,
                                  struct mutant *mutant)
{
    size_t i = random_below(random, one->doc->cabundle_count);
    size_t j = random_below(random, one->doc->cabundle_count + 1);
    nacre_verify_bytes to = j == one->doc->cabundle_count ? one->doc->certificate : one->doc->cabundle[j];
    (void)other;
    if (random_below(random, 2) == 0) {
        replace(one, one->doc->cabundle[i], to, one->doc->signature, mutant);
    } else {
        replace(one, to, one->doc->cabundle[i], one->doc->signature, mutant);
    }
    return differs(one, mutant);
}

static bool swap_pcr(struct random *random, const struct sample *one, const struct sample *other,
                     struct mutant *mutant)
{
    size_t i = random_below(random, 16);
    replace(one, one->doc->pcr[i], other->doc->pcr[random_below(random, 16)], one->doc->signature, mutant);
    return differs(one, mutant);
}

static bool reorder_keys(struct random *random, const struct sample *one, const struct sample *other,
                         struct mutant *mutant)
{
    nacre_verify_bytes entry[ENTRIES_MAX];
    (void)other;
    memcpy(entry, one->entry, sizeof entry);
    for (size_t i = one->entries - 1; i > 0; i--) {
        size_t j = random_below(random, i + 1);
        nacre_verify_bytes swapped = entry[i];
        entry[i] = entry[j];
        entry[j] = swapped;
    }
    return with_entries(one, entry, one->entries, random_below(random, 2) == 0, mutant);
}

static bool duplicate_key(struct random *random, const struct sample *one, const struct sample *other,
                          struct mutant *mutant)
{
    nacre_verify_bytes entry[ENTRIES_MAX + 1];
    size_t from = random_below(random, one->entries);
    size_t to = random_below(random, one->entries + 1);
    const struct sample *source = random_below(random, 2) == 0 ? one : other;
    memcpy(entry, one->entry, to * sizeof entry[0]);
    entry[to] = source->entry[from % source->entries];
    memcpy(entry + to + 1, one->entry + to, (one->entries - to) * sizeof entry[0]);
    return with_entries(one, entry, one->entries + 1, random_below(random, 2) == 0, mutant);
}

static bool drop_keys(struct random *random, const struct sample *one, const struct sample *other,
                      struct mutant *mutant)
{
    nacre_verify_bytes entry[ENTRIES_MAX];
    size_t count = 0;
    uint64_t kept = random_u64(random);
    (void)other;
    for (size_t i = 0; i < one->entries; i++) {
        if ((kept >> i & 1) != 0) {
            entry[count++] = one->entry[i];
        }
    }
    return with_entries(one, entry, count, random_below(random, 2) == 0, mutant);
}

static bool take_entries(struct random *random, const struct sample *one, const struct sample *other,
                         struct mutant *mutant)
{
    nacre_verify_bytes entry[ENTRIES_MAX];
    uint64_t taken = random_u64(random);
    memcpy(entry, one->entry, sizeof entry);
    for (size_t i = 0; i < one->entries && i < other->entries; i++) {
        if ((taken >> i & 1) != 0) {
            entry[i] = other->entry[i];
        }
    }
    return with_entries(one, entry, one->entries, one->indefinite, mutant);
}

/* What comes before the payload. */
struct spelling {
    const char *bytes;
    size_t size;
};

#define SPELLING(text)                                                                                       \
    {                                                                                                        \
        text, sizeof(text) - 1                                                                               \
    }

/* Other spellings of the parts that nothing signs. */
static bool respell_envelope(struct random *random, const struct sample *one, const struct sample *other,
                             struct mutant *mutant)
{
    static const struct spelling spellings[] = {
        SPELLING("\x84\x44\xa1\x01\x38\x22\xa1\x04\x41\x00"), /* something in the unprotected header */
        SPELLING("\x84\x44\xa1\x01\x38\x22\xbf\xff"),         /* an indefinite one */
        SPELLING("\x84\x44\xa1\x01\x38\x22\xb8\x00"),         /* a longer length */
        SPELLING("\x98\x04\x44\xa1\x01\x38\x22\xa0"),         /* a longer array head */
        SPELLING("\x9f\x44\xa1\x01\x38\x22\xa0"),             /* an indefinite array */
        SPELLING("\xd1\x84\x44\xa1\x01\x38\x22\xa0"),         /* another tag */
        SPELLING("\xd8\x12\x84\x44\xa1\x01\x38\x22\xa0"),     /* a longer tag */
        SPELLING("\xd2\xd2\x84\x44\xa1\x01\x38\x22\xa0"),     /* two */
        SPELLING("\x85\x44\xa1\x01\x38\x22\xa0"),             /* one entry too many */
        SPELLING("\x83\x44\xa1\x01\x38\x22\xa0"),             /* one too few */
        SPELLING("\x84\x58\x04\xa1\x01\x38\x22\xa0"),         /* a longer string head */
        SPELLING("\x84\x43\xa1\x01\x26\xa0"),                 /* ES256 */
        SPELLING("\x84\x44\xa1\x01\x38\x23\xa0"),             /* ES512 */
        SPELLING("\x84\x47\xa2\x01\x38\x22\x02\x80\xa0"),     /* something critical */
        SPELLING("\x84\x46\xbf\x01\x38\x22\xff\xa0"),         /* an indefinite protected header */
        SPELLING("\x84\x40\xa1\x01\x38\x22"),                 /* the algorithm unprotected */
        SPELLING("\x84\x44\xa1\x01\x38\x22\x80"),             /* an array for a map */
    };
    (void)other;
    const struct spelling *spelling =
        &spellings[random_below(random, sizeof spellings / sizeof spellings[0])];
    mutant->size = 0;
    if (random_below(random, 2) == 0) {
        put_byte(mutant, 0xd2);
    }
    put(mutant, spelling->bytes, spelling->size);
    put_string(mutant, one->doc->payload);
    put_string(mutant, one->doc->signature);
    return differs(one, mutant);
}

const struct mutation part_mutations[] = {
    {"splice a signature", splice_signature},
    {"splice a payload", splice_payload},
    {"break the signature", break_signature},
    {"swap the leaf", swap_leaf},
    {"swap a CA", swap_ca},
    {"swap own certificates", swap_own_certificates},
    {"swap a PCR", swap_pcr},
    {"reorder keys", reorder_keys},
    {"duplicate a key", duplicate_key},
    {"drop keys", drop_keys},
    {"take entries of another", take_entries},
    {"respell the envelope", respell_envelope},
};
const size_t part_mutation_count = sizeof part_mutations / sizeof part_mutations[0];
