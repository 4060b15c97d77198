#include "yaml_allow.h"

/* After the plugin's header: Check defines a macro fail(). */
#include "check_yaml.h"

#include <errno.h>

static struct nacre_allow allow;
static char why[1024];

#define PIN_HEX "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define PIN_B64 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define PIN_TWO "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define L63     "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0"

static int read_text(const char *text)
{
    return nacre_yaml_allow(&allow, "f.yaml", text, strlen(text), why, sizeof why);
}

START_TEST(plain_list)
{
    ck_assert_msg(read_text("endpoints:\n  - api.weatherapi.com\n  - xn--bcher-kva.example\n") == 0, "%s",
                  why);
    ck_assert_uint_eq(allow.n, 2);
    ck_assert_str_eq(allow.entries[0].host, "api.weatherapi.com");
    ck_assert_uint_eq(allow.entries[0].port, 443);
    ck_assert_uint_eq(allow.entries[0].n_pins, 0);
    ck_assert_str_eq(allow.entries[0].connect, "");
    ck_assert_str_eq(allow.entries[1].host, "xn--bcher-kva.example");
    ck_assert_int_eq(read_text("endpoints: []\n"), 0);
    ck_assert_uint_eq(allow.n, 0);
}
END_TEST

START_TEST(mappings_with_port_and_pins)
{
    uint8_t expected[32];
    for (unsigned i = 0; i < sizeof expected; i++)
        expected[i] = (uint8_t)i;
    ck_assert_msg(
        read_text("endpoints:\n  - {host: a.example, port: 8443, pins: [" PIN_HEX ", " PIN_TWO "]}\n"
                  "  - host: a.example\n  - host: b.example\n    pins:\n      - " PIN_B64 "\n") == 0,
        "%s", why);
    ck_assert_uint_eq(allow.n, 3);
    ck_assert_uint_eq(allow.entries[0].port, 8443);
    ck_assert_uint_eq(allow.entries[0].n_pins, 2);
    ck_assert_mem_eq(allow.entries[0].pins[0], expected, 32);
    ck_assert_uint_eq(allow.entries[0].pins[1][0], 0xff);
    ck_assert_str_eq(allow.entries[1].host, "a.example");
    ck_assert_uint_eq(allow.entries[1].port, 443);
    ck_assert_uint_eq(allow.entries[2].n_pins, 1);
    ck_assert_mem_eq(allow.entries[2].pins[0], expected, 32);
}
END_TEST

#define HOST(TEXT) "endpoints:\n  - ok.example\n  - " TEXT "\n"
#define PINS(TEXT) "endpoints:\n  - host: a.example\n    pins: " TEXT "\n"

static const struct refusal refusals[] = {
    {"", "f.yaml:1: endpoints: ", {"missing"}},
    {"{}\n", "f.yaml:1: endpoints: ", {"missing"}},
    {"- a.example\n", "f.yaml:1: endpoints: ", {"missing"}},
    {"endpoints:\n", "f.yaml:1: endpoints: ", {"expected a list, got nothing", "[]"}},
    {"endpoints: a.example\n", "f.yaml:1: endpoints: ", {"expected a list, got text"}},
    {"endpoints: []\nhosts: []\n", "f.yaml:2: hosts: ", {"unknown key"}},
    {HOST("A.example"), "f.yaml:3: endpoints[1]: ", {"'A.example'", "lower case"}},
    {HOST("'*.example'"), "f.yaml:3: endpoints[1]: ", {"'*.example'", "wildcard"}},
    {HOST("a.example."), "f.yaml:3: endpoints[1]: ", {"'a.example.'", "ends with a dot"}},
    {HOST("10.0.0.1"), "f.yaml:3: endpoints[1]: ", {"'10.0.0.1'", "IP address"}},
    {HOST("0x7f000001"), "f.yaml:3: endpoints[1]: ", {"IP address"}},
    {HOST("2130706433"), "f.yaml:3: endpoints[1]: ", {"IP address"}},
    {HOST("a.example.0x1"), "f.yaml:3: endpoints[1]: ", {"IP address"}},
    {HOST("'::1'"), "f.yaml:3: endpoints[1]: ", {"'::1'", "IP address"}},
    {HOST("'[::1]'"), "f.yaml:3: endpoints[1]: ", {"IP address"}},
    {HOST("https://a.example"), "f.yaml:3: endpoints[1]: ", {"URL"}},
    {HOST("a.example:443"), "f.yaml:3: endpoints[1]: ", {"port"}},
    {HOST("a_b.example"), "f.yaml:3: endpoints[1]: ", {"no DNS name"}},
    {HOST("-a.example"), "f.yaml:3: endpoints[1]: ", {"'-'"}},
    {HOST("a-.example"), "f.yaml:3: endpoints[1]: ", {"'-'"}},
    {HOST("a..example"), "f.yaml:3: endpoints[1]: ", {"label"}},
    {HOST(".example"), "f.yaml:3: endpoints[1]: ", {"label"}},
    {HOST("x" L63 ".example"), "f.yaml:3: endpoints[1]: ", {"1 to 63"}},
    {HOST(L63 "." L63 "." L63 "." L63), "f.yaml:3: endpoints[1]: ", {"253"}},
    {HOST("'a b'"), "f.yaml:3: endpoints[1]: ", {"no DNS name"}},
    {HOST("''"), "f.yaml:3: endpoints[1]: ", {"empty"}},
    {HOST("[a.example]"), "f.yaml:3: endpoints[1]: ", {"expected a host name, got a list"}},
    {HOST("ok.example"), "f.yaml:3: endpoints[1]: ", {"ok.example:443", "listed already", "endpoints[0]"}},
    {HOST("{host: ok.example, port: 443}"), "f.yaml:3: endpoints[1]: ", {"listed already"}},
    {HOST("{port: 443}"), "f.yaml:3: endpoints[1]: ", {"without host"}},
    {HOST("{host: [a]}"), "f.yaml:3: endpoints[1].host: ", {"got a list"}},
    {HOST("{host: a.example, path: /}"),
     "f.yaml:3: endpoints[1].path: ",
     {"unknown key", "host, port, pins"}},
    {HOST("{host: a.example, port: 0}"), "f.yaml:3: endpoints[1].port: ", {"1 to 65535", "'0'"}},
    {HOST("{host: a.example, port: 65536}"), "f.yaml:3: endpoints[1].port: ", {"'65536'"}},
    {HOST("{host: a.example, port: '80'}"), "f.yaml:3: endpoints[1].port: ", {"got text"}},
    {HOST("{host: a.example, port: [80]}"), "f.yaml:3: endpoints[1].port: ", {"got a list"}},
    {HOST("{host: a.example, port: 080}"), "f.yaml:3: endpoints[1].port: ", {"'080'"}},
    {PINS("abc"), "f.yaml:3: endpoints[0].pins: ", {"expected a list of pins, got text"}},
    {PINS("[]"), "f.yaml:3: endpoints[0].pins: ", {"no pin"}},
    {PINS("[abc]"), "f.yaml:3: endpoints[0].pins[0]: ", {"64 hex digits", "'abc'"}},
    {PINS("[[1]]"), "f.yaml:3: endpoints[0].pins[0]: ", {"got a list"}},
    {PINS("[" PIN_HEX "00]"), "f.yaml:3: endpoints[0].pins[0]: ", {"64 hex digits"}},
    {PINS("[g" L63 "]"), "f.yaml:3: endpoints[0].pins[0]: ", {"64 hex digits"}},
    {PINS("[AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=]"), "f.yaml:3: endpoints[0].pins[0]: ", {"base64"}},
    {PINS("['AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHhw ']"),
     "f.yaml:3: endpoints[0].pins[0]: ",
     {"base64"}},
    {PINS("[" PIN_HEX ", " PIN_B64 "]"), "f.yaml:3: endpoints[0].pins[1]: ", {"same pin", "pins[0]"}},
};

START_TEST(mistakes_are_refused_with_file_line_and_key)
{
    const struct refusal *r = &refusals[_i];
    why[0] = '\0';
    ck_assert_int_eq(read_text(r->text), -EINVAL);
    ck_assert_uint_eq(allow.n, 0);
    check_refusal(r, why);
}
END_TEST

START_TEST(limits_are_exact)
{
    static char text[8192];
    size_t used = (size_t)snprintf(text, sizeof text, "endpoints:\n");
    for (unsigned i = 0; i < NACRE_ENDPOINTS_MAX; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "- h%u.example\n", i);
    ck_assert_msg(read_text(text) == 0, "%s", why);
    ck_assert_uint_eq(allow.n, NACRE_ENDPOINTS_MAX);
    (void)snprintf(text + used, sizeof text - used, "- one.more\n");
    ck_assert_int_eq(read_text(text), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "f.yaml:66: endpoints[64]: "));
    used = (size_t)snprintf(text, sizeof text, "endpoints:\n- host: a.example\n  pins:\n");
    for (unsigned i = 0; i <= NACRE_PINS_MAX; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "  - '%064x'\n", i);
    ck_assert_int_eq(read_text(text), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "endpoints[0].pins[8]: more than 8"));
    /* 63 + 1 + 63 + 1 + 63 + 1 + 61 = 253 */
    ck_assert_int_eq(read_text("endpoints: [" L63 "." L63 "." L63
                               ".abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz]\n"),
                     -EINVAL);
    ck_assert_msg(read_text("endpoints: [" L63 "." L63 "." L63
                            ".abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxy]\n") == 0,
                  "%s", why);
    ck_assert_uint_eq(strlen(allow.entries[0].host), 253);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, plain_list);
    tcase_add_test(tc, mappings_with_port_and_pins);
    tcase_add_loop_test(tc, mistakes_are_refused_with_file_line_and_key, 0,
                        (int)(sizeof refusals / sizeof refusals[0]));
    tcase_add_test(tc, limits_are_exact);
}

int main(void)
{
    return nacre_run_suite("yaml_allow", add, 30);
}
