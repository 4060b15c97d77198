/* What the plugin sentinel reads: object contents, type names, base64, wallets' signatures, its configuration. */
#include "sentinel_host.h"
#include "suite.h"

#include <attack.h>
#include <base64.h>
#include <config.h>
#include <json.h>
#include <move_type.h>
#include <personal.h>
#include <sodium.h>

static struct sentinel_host h;

static void setup(void)
{
    sentinel_host_init(&h, 1000);
}

static void teardown(void)
{
    sentinel_host_free(&h);
}

/* id 11.., agent "38", attacker 22.., paid 1, nonce 6211533809644153000 */
static const char attack_hex[] = "1111111111111111111111111111111111111111111111111111111111111111"
                                 "023338"
                                 "2222222222222222222222222222222222222222222222222222222222222222"
                                 "0100000000000000"
                                 "a8282bfa16cd3356";
#define ATTACK_LEN (32u + 3u + 32u + 16u)

static void attack_bytes(uint8_t out[ATTACK_LEN])
{
    size_t n = 0;
    ck_assert_int_eq(sodium_hex2bin(out, ATTACK_LEN, attack_hex, sizeof attack_hex - 1, NULL, &n, NULL), 0);
    ck_assert_uint_eq(n, ATTACK_LEN);
}

/* From memory of exactly this size, so that a sanitizer sees every byte too many. */
static int decode(struct sentinel_attack *a, const uint8_t *bytes, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);
    memcpy(copy, bytes, len);
    int rc = sentinel_attack_decode(a, (struct nacre_bytes){copy, len});
    a->agent_id.ptr = NULL; /* gone with the copy */
    free(copy);
    return rc;
}

START_TEST(attack_is_read)
{
    uint8_t raw[ATTACK_LEN];
    struct sentinel_attack a;
    attack_bytes(raw);
    ck_assert_int_eq(sentinel_attack_decode(&a, (struct nacre_bytes){raw, sizeof raw}), 0);
    ck_assert_mem_eq(a.id, raw, 32);
    ck_assert(nacre_str_is(a.agent_id, "38"));
    ck_assert_mem_eq(a.attacker, raw + 35, 32);
    ck_assert_uint_eq(a.paid_amount, 1);
    ck_assert_uint_eq(a.nonce, UINT64_C(6211533809644153000));
}
END_TEST

START_TEST(attack_cut_or_longer)
{
    uint8_t raw[ATTACK_LEN + 1] = {0};
    struct sentinel_attack a;
    attack_bytes(raw);
    for (size_t len = 0; len < ATTACK_LEN; len++)
        ck_assert_msg(decode(&a, raw, len) == -1, "%zu bytes were taken", len);
    ck_assert_int_eq(decode(&a, raw, ATTACK_LEN), 0);
    ck_assert_int_eq(decode(&a, raw, ATTACK_LEN + 1), -1);
}
END_TEST

/* Lengths that lie, that are longer than they need be, that do not fit 32 bits, that never end. */
START_TEST(attack_with_bad_lengths)
{
    static const struct {
        uint8_t bytes[10];
        size_t n;
    } cases[] = {{{0x7f}, 1},
                 {{0xff, 0xff, 0xff, 0xff, 0x0f}, 5},
                 {{0xff, 0xff, 0xff, 0xff, 0x1f}, 5},
                 {{0x82, 0x00}, 2},
                 {{0x80, 0x00}, 2},
                 {{0x80, 0x80, 0x80, 0x80, 0x00}, 5},
                 {{0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, 6},
                 {{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01}, 10}};
    uint8_t good[ATTACK_LEN], raw[ATTACK_LEN + 10];
    struct sentinel_attack a;
    attack_bytes(good);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memcpy(raw, good, 32);
        memcpy(raw + 32, cases[i].bytes, cases[i].n);
        memcpy(raw + 32 + cases[i].n, good + 33, ATTACK_LEN - 33);
        ck_assert_msg(decode(&a, raw, ATTACK_LEN - 1 + cases[i].n) == -1, "case %zu", i);
    }
}
END_TEST

START_TEST(attack_with_a_long_agent_id)
{
    uint8_t raw[32 + 3 + 20000 + 48] = {0};
    struct sentinel_attack a;
    raw[32] = 0xa0; /* 20000 */
    raw[33] = 0x9c;
    raw[34] = 0x01;
    ck_assert_int_eq(sentinel_attack_decode(&a, (struct nacre_bytes){raw, sizeof raw}), 0);
    ck_assert_uint_eq(a.agent_id.len, 20000);
    ck_assert_int_eq(sentinel_attack_decode(&a, (struct nacre_bytes){NULL, 0}), -1);
}
END_TEST

START_TEST(addresses)
{
    static const char *const bad[] = {"",
                                      "0",
                                      "0x",
                                      "2",
                                      "0X2",
                                      "0xg",
                                      "0x ",
                                      "x02",
                                      "0x2::a",
                                      "-0x2",
                                      "0x00000000000000000000000000000000000000000000000000000000000000000"};
    uint8_t a[32], expected[32] = {[31] = 2};
    ck_assert_int_eq(sentinel_address_parse(a, nacre_str("0x2")), 0);
    ck_assert_mem_eq(a, expected, 32);
    ck_assert_int_eq(sentinel_address_parse(a, nacre_str("0x0002")), 0);
    ck_assert_mem_eq(a, expected, 32);
    expected[31] = 0xfe;
    expected[30] = 0x0a;
    ck_assert_int_eq(sentinel_address_parse(a, nacre_str("0xaFE")), 0);
    ck_assert_mem_eq(a, expected, 32);
    ck_assert_str_eq(sentinel_address_text(a).z,
                     "0x0000000000000000000000000000000000000000000000000000000000000afe");
    ck_assert_int_eq(sentinel_address_parse(a, nacre_str(sentinel_address_text(a).z)), 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(sentinel_address_parse(a, nacre_str(bad[i])) == -1, "'%s' was taken", bad[i]);
    ck_assert_mem_eq(a, expected, 32);
}
END_TEST

#define PKG  "0x00005e"
#define LONG "0x000000000000000000000000000000000000000000000000000000000000005e"

START_TEST(types)
{
    static const struct {
        const char *text;
        enum sentinel_type_fit fit;
    } cases[] = {
        {"0x5e::sentinel::Attack<0x2::sui::SUI>", SENTINEL_TYPE_FITS},
        {PKG "::sentinel::Attack<0x2::sui::SUI>", SENTINEL_TYPE_FITS},
        {LONG "::sentinel::Attack<0x2::sui::SUI>", SENTINEL_TYPE_FITS},
        {"0x5E::sentinel::Attack<u64>", SENTINEL_TYPE_FITS},
        {"0x5e::sentinel::Attack<vector<u8>>", SENTINEL_TYPE_FITS},
        {"0x5e::sentinel::Attack<0x2::a::B<0x3::c::D, vector<address>>>", SENTINEL_TYPE_FITS},
        {"0x5f::sentinel::Attack<0x2::sui::SUI>", SENTINEL_TYPE_FOREIGN},
        {"0x5e0::sentinel::Attack<0x2::sui::SUI>", SENTINEL_TYPE_FOREIGN},
        {"0x2::coin::Coin<0x5e::sentinel::Attack<0x2::sui::SUI>>", SENTINEL_TYPE_FOREIGN},
        {"0x5e::sentinel::Attack", SENTINEL_TYPE_OTHER},
        {"0x5e::sentinel::Attack<u8, u8>", SENTINEL_TYPE_OTHER},
        {"0x5e::sentinel::Agent<0x2::sui::SUI>", SENTINEL_TYPE_OTHER},
        {"0x5e::sentinel::AttackX<0x2::sui::SUI>", SENTINEL_TYPE_OTHER},
        {"0x5e::sentinel::attack<0x2::sui::SUI>", SENTINEL_TYPE_OTHER},
        {"0x5e::sentinel2::Attack<0x2::sui::SUI>", SENTINEL_TYPE_OTHER},
        {"0x5e::_sentinel::Attack<0x2::sui::SUI>", SENTINEL_TYPE_OTHER},
        {"", SENTINEL_TYPE_MALFORMED},
        {"package", SENTINEL_TYPE_MALFORMED},
        {"u64", SENTINEL_TYPE_MALFORMED},
        {"0x5e", SENTINEL_TYPE_MALFORMED},
        {"0x5e::sentinel", SENTINEL_TYPE_MALFORMED},
        {"0x5e::sentinel::", SENTINEL_TYPE_MALFORMED},
        {"0x5e::sentinel::Attack<", SENTINEL_TYPE_MALFORMED},
        {"0x5e::sentinel::Attack<>", SENTINEL_TYPE_MALFORMED},
        {"0x5e::sentinel::Attack<0x2::sui::SUI", SENTINEL_TYPE_MALFORMED},
        {"0x5e::sentinel::Attack<0x2::sui::SUI>>", SENTINEL_TYPE_MALFORMED},
        {"0x5e::sentinel::Attack<0x2::sui::SUI> ", SENTINEL_TYPE_MALFORMED},
        {" 0x5e::sentinel::Attack<0x2::sui::SUI>", SENTINEL_TYPE_MALFORMED},
        {"0x5e::sentinel::Attack<0x2::sui::SUI,>", SENTINEL_TYPE_MALFORMED},
        {"0x5e::sentinel::Attack<sui::SUI>", SENTINEL_TYPE_MALFORMED},
        {"0x5e::9sentinel::Attack<u8>", SENTINEL_TYPE_MALFORMED},
        {"0x5e::sentinel::Attack<vector>", SENTINEL_TYPE_MALFORMED},
        {"0x5e:sentinel::Attack<u8>", SENTINEL_TYPE_MALFORMED},
    };
    uint8_t package[32] = {[31] = 0x5e};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ck_assert_msg(sentinel_type_match(nacre_str(cases[i].text), package) == cases[i].fit, "'%s'",
                      cases[i].text);
    /* a zero byte is no end */
    ck_assert_int_eq(sentinel_type_match((struct nacre_str){"0x5e::sentinel::Attack<u8>\0", 27}, package),
                     SENTINEL_TYPE_MALFORMED);
}
END_TEST

START_TEST(types_nested_or_endless)
{
    static char text[100000];
    uint8_t package[32] = {[31] = 0x5e};
    for (size_t depth = 1; depth < 8000; depth = depth < 20 ? depth + 1 : depth * 3) {
        size_t n = (size_t)snprintf(text, sizeof text, "0x5e::sentinel::Attack<");
        for (size_t i = 1; i < depth; i++)
            n += (size_t)snprintf(text + n, sizeof text - n, "vector<");
        n += (size_t)snprintf(text + n, sizeof text - n, "u8");
        memset(text + n, '>', depth);
        ck_assert_int_eq(sentinel_type_match((struct nacre_str){text, n + depth}, package),
                         depth <= 16 ? SENTINEL_TYPE_FITS : SENTINEL_TYPE_MALFORMED);
    }
    memset(text, 'a', sizeof text);
    ck_assert_int_eq(sentinel_type_match((struct nacre_str){text, sizeof text}, package),
                     SENTINEL_TYPE_MALFORMED);
}
END_TEST

START_TEST(base64)
{
    static const char *const bad[] = {"A",      "AA",   "AAA",  "AA=A", "A===", "AAAA=", "AA==AAAA",
                                      "AAAA\n", " AAA", "AA-_", "AAA*", "AB==", "====",  "\xff\xfa\x9e\xff"};
    struct nacre_bytes out;
    ck_assert_int_eq(sentinel_base64(&h.call, nacre_str("AAEC/w=="), &out), 0);
    ck_assert_uint_eq(out.len, 4);
    ck_assert_mem_eq(out.ptr, "\0\1\2\xff", 4);
    ck_assert_int_eq(sentinel_base64(&h.call, nacre_str(""), &out), 0);
    ck_assert_uint_eq(out.len, 0);
    ck_assert_int_eq(sentinel_base64(&h.call, (struct nacre_str){NULL, 0}, &out), 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(sentinel_base64(&h.call, nacre_str(bad[i]), &out) == -1, "'%s' was taken", bad[i]);
}
END_TEST

START_TEST(json_texts)
{
    struct nacre_str s =
        sentinel_json_string(&h.call, (struct nacre_str){"a\"\\/\0\x1f\n\r\t\x7f\xc3\xa4", 12});
    static const char expected[] = "\"a\\\"\\\\/\\u0000\\u001f\\n\\r\\t\x7f\xc3\xa4\"";
    ck_assert_uint_eq(s.len, sizeof expected - 1);
    ck_assert_mem_eq(s.ptr, expected, s.len);
    s = sentinel_json_string(&h.call, (struct nacre_str){NULL, 0});
    ck_assert(nacre_str_is(s, "\"\""));
}
END_TEST

/* ---- Signatures ------------------------------------------------------------------------------------------- */

struct wallet {
    uint8_t pk[32], sk[64], address[32];
};

static void make_wallet(struct wallet *w, uint8_t seed)
{
    uint8_t bytes[32], named[33] = {0};
    memset(bytes, seed, sizeof bytes);
    ck_assert_int_eq(crypto_sign_seed_keypair(w->pk, w->sk, bytes), 0);
    memcpy(named + 1, w->pk, 32);
    (void)crypto_generichash(w->address, 32, named, sizeof named, NULL, 0);
}

/* Signs as a wallet does, put together here by hand: a text shorter than 128 bytes has a length of one byte. */
static void sign(const struct wallet *w, struct nacre_bytes text, uint8_t raw[97])
{
    uint8_t message[256] = {3, 0, 0, (uint8_t)text.len}, digest[32];
    ck_assert_uint_lt(text.len, 128);
    memcpy(message + 4, text.ptr, text.len);
    (void)crypto_generichash(digest, 32, message, 4 + text.len, NULL, 0);
    raw[0] = 0;
    (void)crypto_sign_detached(raw + 1, NULL, digest, 32, w->sk);
    memcpy(raw + 65, w->pk, 32);
}

static struct nacre_str encode(const uint8_t *raw, size_t len)
{
    static char text[512];
    (void)sodium_bin2base64(text, sizeof text, raw, len, sodium_base64_VARIANT_ORIGINAL);
    return nacre_str(text);
}

START_TEST(signatures)
{
    const uint8_t id[32] = {0xab};
    struct wallet w, other;
    uint8_t raw[98] = {0};
    make_wallet(&w, 1);
    make_wallet(&other, 2);
    const struct nacre_bytes text = sentinel_personal_text(&h.call, "testnet", id, nacre_str("hi"));
    static const char expected[] = "sui-sentinel consume-prompt\ntestnet\n"
                                   "0xab00000000000000000000000000000000000000000000000000000000000000\nhi";
    ck_assert_uint_eq(text.len, sizeof expected - 1);
    ck_assert_mem_eq(text.ptr, expected, text.len);
    sign(&w, text, raw);
    ck_assert_msg(sentinel_personal_check(&h.call, encode(raw, 97), text, w.address) == 0, "%s", h.text);
    ck_failed(&h, sentinel_personal_check(&h.call, encode(raw, 97), text, other.address), 403,
              "the attacker is");
    for (size_t i = 1; i < 65; i++) {
        raw[i] ^= 1;
        ck_failed(&h, sentinel_personal_check(&h.call, encode(raw, 97), text, w.address), 403,
                  "not over this");
        raw[i] ^= 1;
    }
    raw[70] ^= 1;
    ck_failed(&h, sentinel_personal_check(&h.call, encode(raw, 97), text, w.address), 403, "the attacker is");
    raw[70] ^= 1;
    const struct nacre_bytes changed = sentinel_personal_text(&h.call, "mainnet", id, nacre_str("hi"));
    ck_failed(&h, sentinel_personal_check(&h.call, encode(raw, 97), changed, w.address), 403,
              "not over this");
    raw[0] = 1;
    ck_failed(&h, sentinel_personal_check(&h.call, encode(raw, 97), text, w.address), 400, "scheme 1");
    raw[0] = 0;
    ck_failed(&h, sentinel_personal_check(&h.call, encode(raw, 96), text, w.address), 400, "got 96");
    ck_failed(&h, sentinel_personal_check(&h.call, encode(raw, 98), text, w.address), 400, "got 98");
    ck_failed(&h, sentinel_personal_check(&h.call, nacre_str(""), text, w.address), 400, "base64");
    ck_failed(&h, sentinel_personal_check(&h.call, nacre_str("AAAA*"), text, w.address), 400, "base64");
}
END_TEST

/* Made by Ed25519Keypair.signPersonalMessage() of @mysten/sui 1.37.0, from the secret key 00 01 02 ... 1f. */
START_TEST(signatures_of_a_wallet)
{
    static const char address[] = "0x160179a1565ea7cff27ead23f54cc7f50893bf58155cd7285156e57afa31c3ac";
    static const char brief[] =
        "AC3vQdiFbT2yoVEB0Dq1UVweXMssVqa30s3efxwWhKgmsPGFScHJZ6B1xHkl9MAgTkSoMkQ+pa4KfhdJYAyZ/AsDoQe/"
        "884Qvh1w3RjnS8CZZ+TWMJulDV8d3IZkElUxuA==";
    static const char full[] =
        "AHeAW4ynCb5/H9MzDMzcJmdApLY2THKOIB6zqvieaGTyFujUCqpisUaovEu8ElM560SthZpyEX23dBRFEHw6Pw4DoQe/"
        "884Qvh1w3RjnS8CZZ+TWMJulDV8d3IZkElUxuA==";
    static char message[64000];
    const uint8_t id[32] = {0xab};
    uint8_t attacker[32];
    memset(message, 'x', sizeof message);
    ck_assert_int_eq(sentinel_address_parse(attacker, nacre_str(address)), 0);
    const struct nacre_bytes hi = sentinel_personal_text(&h.call, "testnet", id, nacre_str("hi"));
    const struct nacre_bytes x =
        sentinel_personal_text(&h.call, "testnet", id, (struct nacre_str){message, 64000});
    ck_assert_msg(sentinel_personal_check(&h.call, nacre_str(brief), hi, attacker) == 0, "%s", h.text);
    ck_assert_msg(sentinel_personal_check(&h.call, nacre_str(full), x, attacker) == 0, "%s", h.text);
    ck_failed(&h, sentinel_personal_check(&h.call, nacre_str(full), hi, attacker), 403, "not over this");
}
END_TEST

/* With the neutral element as key and R, and S = 0, a careless verifier takes it for every message. */
START_TEST(keys_of_small_order)
{
    uint8_t raw[97] = {0}, named[33] = {0}, address[32];
    const uint8_t id[32] = {0};
    raw[1] = raw[65] = named[1] = 1;
    (void)crypto_generichash(address, 32, named, sizeof named, NULL, 0);
    ck_failed(&h,
              sentinel_personal_check(&h.call, encode(raw, 97),
                                      sentinel_personal_text(&h.call, "testnet", id, nacre_str("x")),
                                      address),
              403, "not over this");
}
END_TEST

START_TEST(bcs_lengths)
{
    static const struct {
        uint64_t len;
        uint8_t head[4];
        size_t n;
    } cases[] = {{0, {0}, 1},
                 {1, {1}, 1},
                 {127, {0x7f}, 1},
                 {128, {0x80, 1}, 2},
                 {16383, {0xff, 0x7f}, 2},
                 {16384, {0x80, 0x80, 1}, 3},
                 {64000, {0x80, 0xf4, 3}, 3}};
    uint8_t *data = calloc(1, 64000);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct nacre_bytes prefix = {(const uint8_t *)"\3", i % 2}, in = {data, cases[i].len};
        const struct nacre_bytes out = sentinel_bcs_bytes(&h.call, prefix, in);
        ck_assert_uint_eq(out.len, prefix.len + cases[i].n + cases[i].len);
        ck_assert_mem_eq(out.ptr + prefix.len, cases[i].head, cases[i].n);
    }
    free(data);
}
END_TEST

/* ---- Configuration ---------------------------------------------------------------------------------------- */

static const struct pair good_config[] = {{"ai_url", "https://ai.example/"},
                                          {"require_attacker_signature", "false"},
                                          {"sui_timeout_ms", "10000"},
                                          {"verdict_bytes", "67108864"},
                                          {"mainnet.package", "0x5e"},
                                          {"mainnet.access", "grpc"},
                                          {"mainnet.url", "https://full.example:443"},
                                          {"testnet.package", ""},
                                          {NULL, NULL}};

START_TEST(config_is_read)
{
    struct sentinel_config c;
    const struct sentinel_network *n;
    h.config = good_config;
    ck_assert_msg(sentinel_config_read(&h.call, &c) == 0, "%s", h.text);
    ck_assert_str_eq(c.ai_url, "https://ai.example");
    ck_assert(!c.require_attacker_signature);
    ck_assert_uint_eq(c.sui_timeout_ms, 10000);
    ck_assert_uint_eq(c.verdict_bytes, 67108864);
    ck_assert_int_eq(sentinel_config_network(&h.call, &c, nacre_str("mainnet"), &n), 0);
    ck_assert_uint_eq(n->package[31], 0x5e);
    ck_assert_int_eq(n->access, SENTINEL_GRPC);
    ck_assert_str_eq(n->url, "https://full.example:443");
    ck_failed(&h, sentinel_config_network(&h.call, &c, nacre_str("testnet"), &n), 404, "not served");
    ck_failed(&h, sentinel_config_network(&h.call, &c, nacre_str("Mainnet"), &n), 404, "expected mainnet");
    ck_failed(&h, sentinel_config_network(&h.call, &c, nacre_str(""), &n), 404, "expected mainnet");
}
END_TEST

START_TEST(config_with_mistakes)
{
    static const struct {
        size_t row;
        const char *value, *text;
    } cases[] = {
        {0, NULL, "no plugin.ai_url"},
        {0, "http://ai.example", "expected https://"},
        {0, "https://", "expected https://"},
        {0, "https://a?b=c", "expected https://"},
        {1, "yes", "expected true or false"},
        {1, NULL, "no plugin.require_attacker_signature"},
        {2, "0", "from 100 to 60000"},
        {2, "60001", "from 100 to 60000"},
        {2, "1e4", "from 100 to 60000"},
        {2, "", "from 100 to 60000"},
        {3, "1000", "from 1048576"},
        {3, "9999999999999999999999", "from 1048576"},
        {4, "5e", "plugin.mainnet.package is '5e'"},
        {4, "0x", "plugin.mainnet.package is '0x'"},
        {4, "", "neither"},
        {5, "rest", "expected grpc, graphql or jsonrpc"},
        {5, NULL, "no plugin.mainnet.access"},
        {6, "full.example", "expected https://"},
        {7, NULL, "no plugin.testnet.package"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pair rows[sizeof good_config / sizeof good_config[0]];
        struct sentinel_config c;
        memcpy(rows, good_config, sizeof rows);
        rows[cases[i].row].value = cases[i].value;
        h.config = rows;
        ck_failed(&h, sentinel_config_read(&h.call, &c), 500, cases[i].text);
    }
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, attack_is_read);
    tcase_add_test(tc, attack_cut_or_longer);
    tcase_add_test(tc, attack_with_bad_lengths);
    tcase_add_test(tc, attack_with_a_long_agent_id);
    tcase_add_test(tc, addresses);
    tcase_add_test(tc, types);
    tcase_add_test(tc, types_nested_or_endless);
    tcase_add_test(tc, base64);
    tcase_add_test(tc, json_texts);
    tcase_add_test(tc, signatures);
    tcase_add_test(tc, signatures_of_a_wallet);
    tcase_add_test(tc, keys_of_small_order);
    tcase_add_test(tc, bcs_lengths);
    tcase_add_test(tc, config_is_read);
    tcase_add_test(tc, config_with_mistakes);
}

int main(void)
{
    return nacre_run_suite("sentinel_parts", add, 60);
}
