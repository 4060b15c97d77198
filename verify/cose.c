/*
 * The envelope: COSE_Sign1 (RFC 9052 section 4.2), a bare array of four or the same under tag 18.
 *
 * Only the protected header and the payload are signed. Whatever is not must therefore have one spelling: the
 * array is of definite length, the unprotected header is the empty map, and nothing follows.
 */
#include "cursor.h"
#include "doc.h"
#include "text.h"

#define TAG_COSE_SIGN1  0xd2u /* tag 18 */
#define LABEL_ALGORITHM 1u
#define ALGORITHM_ES384 (-35)
#define NEGINT_ES384    34u /* CBOR stores -1 - n */

/* The protected header is {1: -35} and nothing else: a label we do not understand might change what is meant.
 */
static int parse_protected(nacre_verify_bytes header, nacre_verify_error *error)
{
    struct nacre_vfy_cursor cursor;
    struct nacre_vfy_item map;
    struct nacre_vfy_item label;
    struct nacre_vfy_item algorithm;
    nacre_vfy_cursor_init(&cursor, header.data, header.size);
    int r = nacre_vfy_expect(&cursor, "protected header", NACRE_VFY_MAP, &map, error);
    if (r != NACRE_VERIFY_OK) {
        return r;
    }
    if (map.indefinite || map.value != 1) {
        return nacre_vfy_fail(error, NACRE_VERIFY_REFUSED, "protected header is not a map of one entry");
    }
    r = nacre_vfy_expect(&cursor, "protected header's label", NACRE_VFY_UINT, &label, error);
    if (r != NACRE_VERIFY_OK) {
        return r;
    }
    r = nacre_vfy_expect(&cursor, "protected header's algorithm", NACRE_VFY_NEGINT, &algorithm, error);
    if (r != NACRE_VERIFY_OK) {
        return r;
    }
    if (label.value != LABEL_ALGORITHM || algorithm.value != NEGINT_ES384) {
        return nacre_vfy_fail(error, NACRE_VERIFY_REFUSED,
                              "protected header is {%llu: %s%llu}, expected {%u: %d} (ES384)",
                              (unsigned long long)label.value, algorithm.value < UINT64_MAX ? "-" : "-1-",
                              (unsigned long long)algorithm.value + (algorithm.value < UINT64_MAX),
                              LABEL_ALGORITHM, ALGORITHM_ES384);
    }
    if (cursor.left != 0) {
        return nacre_vfy_fail(error, NACRE_VERIFY_REFUSED, "protected header is followed by %zu bytes",
                              cursor.left);
    }
    return NACRE_VERIFY_OK;
}

/* The tag is looked for as its one byte: libcbor before 0.9 takes the tags 6 to 20 for errors. */
static void skip_tag(struct nacre_vfy_cursor *cursor)
{
    if (cursor->left > 0 && cursor->next[0] == TAG_COSE_SIGN1) {
        cursor->next++;
        cursor->left--;
    }
}

static int open_array(struct nacre_vfy_cursor *cursor, nacre_verify_error *error)
{
    struct nacre_vfy_item item;
    skip_tag(cursor);
    int r = nacre_vfy_next(cursor, "COSE_Sign1", &item, error);
    if (r != NACRE_VERIFY_OK) {
        return r;
    }
    if (item.kind != NACRE_VFY_ARRAY || item.indefinite || item.value != 4) {
        return nacre_vfy_fail(error, NACRE_VERIFY_REFUSED, "COSE_Sign1 is %s%s, expected an array of 4",
                              nacre_vfy_kind_name(item.kind),
                              item.kind == NACRE_VFY_ARRAY ? " of another length" : "");
    }
    return NACRE_VERIFY_OK;
}

static int take_bytes(struct nacre_vfy_cursor *cursor, const char *what, nacre_verify_bytes *out,
                      nacre_verify_error *error)
{
    struct nacre_vfy_item item;
    int r = nacre_vfy_expect(cursor, what, NACRE_VFY_BYTES, &item, error);
    if (r == NACRE_VERIFY_OK) {
        *out = (nacre_verify_bytes){.data = item.data, .size = item.size};
    }
    return r;
}

static int take_unprotected(struct nacre_vfy_cursor *cursor, nacre_verify_error *error)
{
    struct nacre_vfy_item map;
    int r = nacre_vfy_expect(cursor, "unprotected header", NACRE_VFY_MAP, &map, error);
    if (r == NACRE_VERIFY_OK && (map.indefinite || map.value != 0)) {
        return nacre_vfy_fail(error, NACRE_VERIFY_REFUSED,
                              "unprotected header is not the empty map: nothing signs what it holds");
    }
    return r;
}

int nacre_vfy_parse_cose(struct nacre_verify_doc *doc, nacre_verify_error *error)
{
    struct nacre_vfy_cursor cursor;
    nacre_vfy_cursor_init(&cursor, doc->bytes, doc->size);
    int r = open_array(&cursor, error);
    if (r == NACRE_VERIFY_OK) {
        r = take_bytes(&cursor, "protected header", &doc->protected_header, error);
    }
    if (r == NACRE_VERIFY_OK) {
        r = parse_protected(doc->protected_header, error);
    }
    if (r == NACRE_VERIFY_OK) {
        r = take_unprotected(&cursor, error);
    }
    if (r == NACRE_VERIFY_OK) {
        r = take_bytes(&cursor, "payload", &doc->payload, error);
    }
    if (r == NACRE_VERIFY_OK) {
        r = take_bytes(&cursor, "signature", &doc->signature, error);
    }
    if (r != NACRE_VERIFY_OK) {
        return r;
    }
    if (doc->signature.size != NACRE_VFY_SIGNATURE_SIZE) {
        return nacre_vfy_fail(error, NACRE_VERIFY_REFUSED, "signature has %zu bytes, expected %u",
                              doc->signature.size, NACRE_VFY_SIGNATURE_SIZE);
    }
    if (cursor.left != 0) {
        return nacre_vfy_fail(error, NACRE_VERIFY_REFUSED, "the document is followed by %zu bytes",
                              cursor.left);
    }
    return NACRE_VERIFY_OK;
}
