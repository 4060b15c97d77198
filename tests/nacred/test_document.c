#include "common/cbor_get.h"
#include "common/cbor_put.h"
#include "nacred/document.h"
#include "support.h"

#include <errno.h>
#include <glob.h>
#include <sodium.h>
#include <stdio.h>
#include <unistd.h>

static const uint8_t public_key[32] = {1, 2, 3, 4};
static uint8_t doc[8192];

struct parts {
    size_t members; /* of the outer array */
    bool tagged, text_payload;
    uint64_t timestamp;
    const uint8_t *key;
    size_t key_len;
    const char *time_name;
};
static const struct parts good = {
    .members = 4, .timestamp = 1744038900000, .key = public_key, .key_len = 32, .time_name = "timestamp"};

static size_t build(const struct parts *p)
{
    uint8_t payload[512];
    struct nacre_writer in = nacre_writer(payload, sizeof payload), out = nacre_writer(doc, sizeof doc);
    nacre_put_map(&in, 3);
    nacre_put_z(&in, "digest");
    nacre_put_z(&in, "SHA384");
    nacre_put_z(&in, p->time_name);
    nacre_put_uint(&in, p->timestamp);
    nacre_put_z(&in, "public_key");
    nacre_put_bytes(&in, p->key, p->key_len);
    if (p->tagged)
        nacre_write_u8(&out, 0xd2);
    nacre_put_array(&out, p->members);
    nacre_put_bytes(&out, "\xa1\x01\x38\x22", 4);
    nacre_put_map(&out, 0);
    if (p->text_payload)
        nacre_put_text(&out, (const char *)payload, in.len);
    else
        nacre_put_bytes(&out, payload, in.len);
    for (size_t i = 3; i < p->members; i++)
        nacre_put_bytes(&out, "signature", 9);
    ck_assert(!in.failed && !out.failed);
    return out.len;
}

static int timestamp(size_t len, uint64_t *ms)
{
    *ms = 77;
    return nacre_document_timestamp(doc, len, public_key, ms);
}

START_TEST(reads_the_timestamp)
{
    uint64_t ms;
    struct parts p = good;
    ck_assert_int_eq(timestamp(build(&p), &ms), 0);
    ck_assert_uint_eq(ms, 1744038900000);
    p.tagged = true;
    p.timestamp = UINT64_MAX;
    ck_assert_int_eq(timestamp(build(&p), &ms), 0);
    ck_assert_uint_eq(ms, UINT64_MAX);
}
END_TEST

START_TEST(refuses_what_is_not_our_document)
{
    static const uint8_t other[33] = {9};
    uint64_t ms;
    struct parts p[6];
    for (size_t i = 0; i < 6; i++)
        p[i] = good;
    p[0].key = other;
    p[1].key_len = 31;
    p[2].key = other;
    p[2].key_len = 33;
    p[3].members = 5;
    p[4].time_name = "Timestamp";
    p[5].text_payload = true;
    for (size_t i = 0; i < 6; i++) {
        ck_assert_msg(timestamp(build(&p[i]), &ms) == -EBADMSG, "document %zu is taken", i);
        ck_assert_uint_eq(ms, 77);
    }
    size_t len = build(&good);
    for (size_t cut = 0; cut < len; cut++)
        ck_assert_int_eq(timestamp(cut, &ms), -EBADMSG);
    ck_assert_int_eq(timestamp(len + 1, &ms), -EBADMSG);
}
END_TEST

/* Real documents: read as they are, with the key that they hold; a difference of one bit in it is another key. */
START_TEST(real_documents)
{
    const char *source = getenv("NACRE_SOURCE"), *shared = getenv("NACRE_SHARED");
    char pattern[PATH_MAX];
    glob_t found;
    size_t with_key = 0;
    (void)snprintf(pattern, sizeof pattern, "%s%s/vectors/attestation/*.cbor",
                   shared   ? shared
                   : source ? source
                            : ".",
                   shared ? "" : "/../shared");
    if (glob(pattern, 0, NULL, &found) != 0) {
        (void)fprintf(stderr, "skipped: no documents at %s\n", pattern);
        return;
    }
    for (size_t i = 0; i < found.gl_pathc; i++) {
        FILE *f = fopen(found.gl_pathv[i], "rb");
        ck_assert_ptr_nonnull(f);
        size_t len = fread(doc, 1, sizeof doc, f);
        (void)fclose(f);
        cbor_item_t *cose = nacre_cbor_load(doc + (doc[0] == 0xd2), len - (doc[0] == 0xd2));
        const uint8_t *data, *key;
        size_t n;
        uint64_t ms = 0, expected;
        ck_assert(nacre_cbor_bytes(nacre_cbor_at(cose, 2), &data, &n));
        cbor_item_t *payload = nacre_cbor_load(data, n);
        ck_assert(nacre_cbor_u64(nacre_cbor_key(payload, "timestamp"), UINT64_MAX, &expected));
        if (nacre_cbor_bytes(nacre_cbor_key(payload, "public_key"), &key, &n) && n == 32) {
            uint8_t changed[32];
            memcpy(changed, key, 32);
            changed[31] ^= 1;
            ck_assert_int_eq(nacre_document_timestamp(doc, len, key, &ms), 0);
            ck_assert_uint_eq(ms, expected);
            ck_assert_int_eq(nacre_document_timestamp(doc, len, changed, &ms), -EBADMSG);
            with_key++;
        }
        cbor_decref(&payload);
        cbor_decref(&cose);
    }
    globfree(&found);
    ck_assert_uint_gt(with_key, 0);
}
END_TEST

START_TEST(user_data_says_what_the_key_belongs_to)
{
    struct nacre_manifest m;
    uint8_t out[NACRE_USER_DATA_MAX];
    const uint8_t *data;
    const char *text;
    size_t len;
    uint64_t v;
    load_manifest(&m, &weather_plugin, NULL, NULL, 0);
    const struct nacre_keys *k = nacre_keys_new();
    int n = nacre_document_user_data(out, &m, k, NULL, NULL);
    ck_assert_int_gt(n, 0);
    cbor_item_t *map = nacre_cbor_load(out, (size_t)n);
    ck_assert_uint_eq(nacre_cbor_count(map), 6);
    ck_assert(nacre_cbor_u64(nacre_cbor_key(map, "v"), 1, &v) && v == 1);
    ck_assert(nacre_cbor_text(nacre_cbor_key(map, "app"), &text, &len) && len == 7 &&
              memcmp(text, "weather", 7) == 0);
    ck_assert(nacre_cbor_bytes(nacre_cbor_key(map, "plugin"), &data, &len) && len == 48);
    ck_assert_mem_eq(data, m.plugin_digest, 48);
    ck_assert(nacre_cbor_bytes(nacre_cbor_key(map, "config"), &data, &len) && len == 48);
    ck_assert_mem_eq(data, m.config_digest, 48);
    ck_assert(nacre_cbor_bytes(nacre_cbor_key(map, "secrets_key"), &data, &len) && len == 32);
    ck_assert_mem_eq(data, k->secrets_public, 32);
    ck_assert(nacre_cbor_bytes(nacre_cbor_key(map, "data_key"), &data, &len) && len == 32);
    ck_assert_mem_eq(data, k->data_public, 32);
    cbor_decref(&map);
    m.app = "a-name-of-thirty-two-bytes-long-x"; /* the longest app name fits the NSM's limit */
    n = nacre_document_user_data(out, &m, k, k->sign_public, k->data_public); /* any 32 bytes */
    ck_assert_int_gt(n, 0);
    map = nacre_cbor_load(out, (size_t)n);
    ck_assert_uint_eq(nacre_cbor_count(map), 8);
    ck_assert(nacre_cbor_bytes(nacre_cbor_key(map, "tls"), &data, &len) && len == 32);
    ck_assert_mem_eq(data, k->data_public, 32);
    ck_assert(nacre_cbor_bytes(nacre_cbor_key(map, "secrets"), &data, &len) && len == 32);
    ck_assert_mem_eq(data, k->sign_public, 32);
    cbor_decref(&map);
    nacre_keys_free(k);
    nacre_manifest_free(&m);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, reads_the_timestamp);
    tcase_add_test(tc, refuses_what_is_not_our_document);
    tcase_add_test(tc, real_documents);
    tcase_add_test(tc, user_data_says_what_the_key_belongs_to);
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
    return nacre_run_suite("nacred/document", add, 20);
}
