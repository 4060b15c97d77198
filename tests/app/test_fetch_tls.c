/* Whom the module talks to, and whom not. In every refusal the upstream must not have seen a request. */
#include "fetch_support.h"
#include "suite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct upstream up, other;

/* One GET of good.example, a server started with `args`, checked against `ca` or `pin`. */
static void try_get(struct call *c, const char *const *args, const char *ca, const uint8_t *pin)
{
    upstream_start(&up, args);
    const struct endpoint e[] = {{.host = "good.example", .up = &up, .pin = pin == other.pin ? up.pin : pin}};
    fetch_setup(e, 1, ca == other.ca ? up.ca : ca);
    fetch_confine();
    call_init(c, "GET", "https://good.example/v1/current.json?key=HIDDEN&q=x");
    call_run(c);
    ck_assert_ptr_null(strstr(c->text, "HIDDEN"));
}

/* The server's own CA, or its own pin: see try_get(). */
#define OWN_CA  other.ca
#define OWN_PIN other.pin

static void done(struct call *c)
{
    call_free(c);
    fetch_teardown();
    upstream_stop(&up);
}

static const char *const good[] = {"--host", "good.example", NULL};
static const char *const bad_name[] = {"--host", "other.example", NULL};
static const char *const wildcard[] = {"--host", "*.wild.example", NULL};
static const char *const expired[] = {"--host", "good.example", "--expired", NULL};

START_TEST(own_ca)
{
    struct call c;
    try_get(&c, good, OWN_CA, NULL);
    ck_assert_int_eq(c.status, 0);
    ck_assert_uint_eq(c.reply.status, 200);
    done(&c);
}
END_TEST

/* A wildcard stands for one label. */
START_TEST(wildcard_name)
{
    struct call c;
    upstream_start(&up, wildcard);
    const struct endpoint e[] = {{.host = "a.wild.example", .up = &up},
                                 {.host = "a.b.wild.example", .up = &up}};
    fetch_setup(e, 2, up.ca);
    fetch_confine();
    call_get(&c, "https://a.wild.example/echo");
    call_free(&c);
    call_init(&c, "GET", "https://a.b.wild.example/echo");
    call_run(&c);
    ck_failed(&c, 502, "another name");
    done(&c);
}
END_TEST

START_TEST(another_ca)
{
    struct call c;
    upstream_start(&other, good);
    static char ca[sizeof other.ca];
    memcpy(ca, other.ca, sizeof ca);
    try_get(&c, good, ca, NULL);
    ck_failed(&c, 502, "upstream good.example: certificate refused: unable to get local issuer certificate");
    done(&c);
    upstream_stop(&other);
}
END_TEST

START_TEST(another_name)
{
    struct call c;
    try_get(&c, bad_name, OWN_CA, NULL);
    ck_failed(&c, 502, "certificate refused: made out to another name");
    done(&c);
}
END_TEST

START_TEST(expired_certificate)
{
    struct call c;
    try_get(&c, expired, OWN_CA, NULL);
    ck_failed(&c, 502, "certificate refused: certificate has expired");
    done(&c);
}
END_TEST

/* The pinned key decides alone: no CA, another name, expired. */
START_TEST(right_pin)
{
    struct call c;
    try_get(&c, bad_name, NULL, OWN_PIN);
    ck_assert_msg(c.status == 0, "%s", c.text);
    ck_assert_uint_eq(c.reply.status, 200);
    done(&c);
}
END_TEST

START_TEST(right_pin_expired)
{
    struct call c;
    try_get(&c, expired, NULL, OWN_PIN);
    ck_assert_msg(c.status == 0, "%s", c.text);
    done(&c);
}
END_TEST

/* A wrong pin is not made good by a good chain. */
START_TEST(wrong_pin)
{
    struct call c;
    static const uint8_t pin[32] = {1, 2, 3};
    try_get(&c, good, OWN_CA, pin);
    ck_failed(&c, 502, "upstream good.example: certificate refused: its key is not pinned");
    done(&c);
}
END_TEST

START_TEST(wrong_pin_sends_nothing)
{
    struct call c;
    static const uint8_t pin[32] = {1, 2, 3};
    upstream_start(&up, good);
    const struct endpoint e[] = {{.host = "good.example", .up = &up},
                                 {.host = "pinned.example", .up = &up, .pin = pin}};
    fetch_setup(e, 2, up.ca);
    fetch_confine();
    for (int i = 0; i < 3; i++) {
        call_init(&c, "POST", "https://pinned.example/echo");
        call_run(&c);
        ck_failed(&c, 502, "not pinned");
        call_free(&c);
    }
    call_get(&c, "https://good.example/stats");
    ck_assert_int_eq(body_number(&c, "requests"), 1);
    done(&c);
}
END_TEST

/* One thread, one server, three sets of rules in turn: none may profit from another's connection. */
START_TEST(rules_do_not_mix)
{
    struct call c;
    static const uint8_t pin[32] = {1, 2, 3};
    upstream_start(&up, good);
    const struct endpoint e[] = {{.host = "good.example", .up = &up},
                                 {.host = "good.example", .listed_port = 8443, .up = &up, .pin = pin},
                                 {.host = "other.example", .up = &up}};
    fetch_setup(e, 3, up.ca);
    fetch_confine();
    for (int i = 0; i < 3; i++) {
        call_get(&c, "https://good.example/echo");
        call_free(&c);
        call_init(&c, "GET", "https://good.example:8443/echo");
        call_run(&c);
        ck_failed(&c, 502, "not pinned");
        call_free(&c);
        call_init(&c, "GET", "https://other.example/echo");
        call_run(&c);
        ck_failed(&c, 502, "another name");
        call_free(&c);
    }
    call_get(&c, "https://good.example/stats");
    ck_assert_int_eq(body_number(&c, "requests"), 4);
    done(&c);
}
END_TEST

START_TEST(tls_1_2_and_1_3)
{
    static const char *const v12[] = {"--host", "good.example", "--tls", "1.2", NULL};
    static const char *const v13[] = {"--host", "good.example", "--tls", "1.3", NULL};
    struct call c;
    try_get(&c, _i == 0 ? v12 : v13, OWN_CA, NULL);
    ck_assert_msg(c.status == 0, "%s", c.text);
    done(&c);
}
END_TEST

START_TEST(pins_with_tls_1_2)
{
    static const char *const v12[] = {"--host", "other.example", "--tls", "1.2", NULL};
    static const uint8_t pin[32] = {1, 2, 3};
    struct call c;
    try_get(&c, v12, NULL, _i == 0 ? OWN_PIN : pin);
    ck_assert_msg(c.status == (_i == 0 ? 0 : 502), "%s", c.text);
    done(&c);
}
END_TEST

START_TEST(older_tls)
{
    static const char *const v11[] = {"--host", "good.example", "--tls", "1.1", NULL};
    struct call c;
    try_get(&c, v11, OWN_CA, NULL);
    ck_failed(&c, 502, "upstream good.example: SSL connect error");
    done(&c);
}
END_TEST

START_TEST(checks_without_a_request)
{
    static const uint8_t pin[32] = {1, 2, 3};
    char why[256] = "";
    struct call c;
    upstream_start(&up, good);
    upstream_start(&other, good);
    const struct endpoint e[] = {
        {.host = "good.example", .up = &up},
        {.host = "bad-name.example", .up = &up},
        {.host = "good.example", .listed_port = 8443, .up = &other},
        {.host = "pinned.example", .up = &other, .pin = other.pin},
        {.host = "wrong.example", .up = &other, .pin = pin},
        {.host = "gone.example", .up = &up, .way = BROKER_ERROR, .error = -ECONNREFUSED}};
    fetch_setup(e, 6, up.ca);
    fetch_confine();
    call_get(&c, "https://good.example/echo"); /* leaves a connection behind */
    call_free(&c);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(check_endpoint(0, why, sizeof why), 0);
        ck_assert_int_eq(check_endpoint(1, why, sizeof why), -EPROTO);
        ck_assert_ptr_nonnull(strstr(why, "made out to another name"));
        ck_assert_int_eq(check_endpoint(2, why, sizeof why), -EPROTO);
        ck_assert_ptr_nonnull(strstr(why, "issuer"));
        ck_assert_int_eq(check_endpoint(3, why, sizeof why), 0);
        ck_assert_int_eq(check_endpoint(4, why, sizeof why), -EPROTO);
        ck_assert_ptr_nonnull(strstr(why, "not pinned"));
        ck_assert_int_eq(check_endpoint(5, why, sizeof why), -ECONNREFUSED);
        ck_assert_ptr_nonnull(strstr(why, "Connection refused"));
    }
    ck_assert_int_eq(check_endpoint(6, why, sizeof why), -EINVAL);
    ck_assert_uint_eq(broker_requests(), 1 + 18);
    call_get(&c, "https://good.example/stats");
    ck_assert_int_eq(body_number(&c, "requests"), 2); /* over the connection of the beginning */
    ck_assert_uint_eq(broker_requests(), 1 + 18);
    call_free(&c);
    fetch_teardown();
    upstream_stop(&up);
    upstream_stop(&other);
}
END_TEST

START_TEST(check_of_a_silent_server)
{
    static const char *const hang[] = {"--host", "good.example", "--handshake", "hang", NULL};
    char why[256] = "";
    upstream_start(&up, hang);
    const struct endpoint e[] = {{.host = "good.example", .up = &up}};
    fetch_setup(e, 1, up.ca);
    fetch_confine();
    uint64_t before = now_ms();
    ck_assert_int_eq(check_endpoint(0, why, sizeof why), -ETIMEDOUT);
    ck_assert_uint_ge(now_ms() - before, 1900);
    ck_assert_uint_lt(now_ms() - before, 4000);
    fetch_teardown();
    upstream_stop(&up);
}
END_TEST

/* How many of three connections, each closed by the server after a good answer, resumed the session of an earlier one. */
static long resumed_of_three(const char *const *args, const uint8_t *pin)
{
    struct call c;
    char why[256];
    upstream_start(&up, args);
    const struct endpoint e[] = {{.host = "good.example", .up = &up, .pin = pin ? up.pin : NULL}};
    fetch_setup(e, 1, up.ca);
    fetch_confine();
    for (int i = 0; i < 3; i++) {
        call_get(&c, "https://good.example/fault/leave");
        call_free(&c);
        (void)usleep(50000); /* until the server's end of it has arrived here, too */
    }
    ck_assert_msg(check_endpoint(0, why, sizeof why) == 0, "%s",
                  why); /* looks at the certificate in any case */
    call_get(&c, "https://good.example/stats");
    ck_assert_int_eq(body_number(&c, "connections"), 5);
    long resumed = body_number(&c, "resumed");
    done(&c);
    return resumed;
}

/* Not with TLS 1.2: there OpenSSL drops the session of a connection that ended without notice. */
START_TEST(sessions_are_resumed)
{
    static const char *const v13[] = {"--host", "good.example", "--tls", "1.3", NULL};
    ck_assert_int_eq(resumed_of_three(v13, NULL), 3);
}
END_TEST

/* A pin is compared with the key that this connection proves to have, not one before it. */
START_TEST(pinned_keys_are_proved_anew)
{
    static const char *const v12[] = {"--host", "good.example", "--tls", "1.2", NULL};
    static const char *const v13[] = {"--host", "good.example", "--tls", "1.3", NULL};
    ck_assert_int_eq(resumed_of_three(_i == 0 ? v12 : v13, OWN_PIN), 0);
}
END_TEST

START_TEST(needs_something_to_check_against)
{
    static const uint8_t pin[32] = {0};
    static const char *const broken[] = {
        "",
        "hello\n",
        "-----BEGIN CERTIFICATE-----\nA*A\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nAAAA\n",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nAAAA\n"};
    const struct endpoint e[] = {{.host = "pinned.example", .pin = pin}, {.host = "good.example"}};
    char why[256] = "";
    ck_assert_int_eq(fetch_setup_refused(e, 2, NULL, 0, why, sizeof why), -EINVAL);
    ck_assert_str_eq(why,
                     "egress.ca_file is empty and good.example has no key pins: nothing to check it against");
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        char expected[128];
        ck_assert_msg(fetch_setup_refused(e, 2, broken[i], strlen(broken[i]), why, sizeof why) == -EINVAL,
                      "%s", broken[i]);
        (void)snprintf(expected, sizeof expected,
                       "egress.ca_file: no usable PEM certificates in its %zu bytes", strlen(broken[i]));
        ck_assert_str_eq(why, expected);
    }
}
END_TEST

/* Blocks that are no certificates, before and after the good one, neither help nor harm. */
START_TEST(bundle_with_foreign_blocks)
{
    static const char blocks[] = "a comment\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
                                 "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
    char text[8192];
    struct call c;
    upstream_start(&up, good);
    upstream_start(&other, good);
    (void)snprintf(text, sizeof text, "%s%s%s", blocks, up.ca, blocks);
    const struct endpoint e[] = {{.host = "good.example", .up = &up},
                                 {.host = "good.example", .listed_port = 8443, .up = &other}};
    fetch_setup(e, 2, text);
    fetch_confine();
    call_get(&c, "https://good.example/echo");
    call_free(&c);
    call_init(&c, "GET", "https://good.example:8443/echo");
    call_run(&c);
    ck_failed(&c, 502, "certificate refused: unable to get local issuer certificate");
    done(&c);
    upstream_stop(&other);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, own_ca);
    tcase_add_test(tc, wildcard_name);
    tcase_add_test(tc, another_ca);
    tcase_add_test(tc, another_name);
    tcase_add_test(tc, expired_certificate);
    tcase_add_test(tc, right_pin);
    tcase_add_test(tc, right_pin_expired);
    tcase_add_test(tc, wrong_pin);
    tcase_add_test(tc, wrong_pin_sends_nothing);
    tcase_add_test(tc, rules_do_not_mix);
    tcase_add_loop_test(tc, tls_1_2_and_1_3, 0, 2);
    tcase_add_loop_test(tc, pins_with_tls_1_2, 0, 2);
    tcase_add_test(tc, older_tls);
    tcase_add_test(tc, checks_without_a_request);
    tcase_add_test(tc, check_of_a_silent_server);
    tcase_add_test(tc, sessions_are_resumed);
    tcase_add_loop_test(tc, pinned_keys_are_proved_anew, 0, 2);
    tcase_add_test(tc, needs_something_to_check_against);
    tcase_add_test(tc, bundle_with_foreign_blocks);
}

int main(void)
{
    return nacre_run_suite("fetch_tls", add, 30);
}
