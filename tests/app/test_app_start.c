/* test_app_start.c - the real nacre-app: starting it, and refusing to: the plugin, the manifest, the secrets. */
#include "app_suite.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

START_TEST(check_mode)
{
    driver_spawn(&d, &s, true);
    ck_assert_uint_eq(driver_receive(&d, d.control), NACRE_FRAME_READY);
    ck_assert_int_eq(driver_end(&d), 0);
}
END_TEST

/* The boot must not go on, in both modes, and the reason must carry both values. */
static void refused(const char *first, const char *second)
{
    for (int check = 0; check < 2; check++) {
        driver_spawn(&d, &s, check);
        if (!check)
            driver_send_plain(&d, NACRE_FRAME_SECRETS, "{\"API_KEY\":\"sesame\"}");
        ck_assert_uint_eq(driver_receive(&d, d.control), NACRE_FRAME_FAILED);
        char text[1024];
        (void)snprintf(text, sizeof text, "%.*s", (int)d.in.payload_len, (const char *)d.in.payload);
        ck_assert_msg(strstr(text, first) && strstr(text, second), "%s", text);
        ck_assert_int_eq(driver_end(&d), 1);
        driver_free(&d);
    }
}

START_TEST(wrong_digest)
{
    s.wrong_digest = true;
    refused("plugin digest is ", ", manifest says ");
}
END_TEST

START_TEST(not_sealed)
{
    s.unsealed = true;
    refused("has seals 0", "a sealed memfd has 0xf");
}
END_TEST

START_TEST(wrong_magic)
{
    s.plugin = "sample-magic";
    s.described = "sample";
    refused("plugin magic is 4e41435245504c58", "expected 4e41435245504c47");
}
END_TEST

START_TEST(wrong_major)
{
    s.plugin = "sample-major";
    s.described = "sample";
    refused("ABI major 2", "has 1");
}
END_TEST

START_TEST(wrong_size)
{
    s.plugin = "sample-size";
    s.described = "sample";
    refused("descriptor has ", "ABI 1.1 has ");
}
END_TEST

/* Its size says that not even the frozen prefix is there. */
START_TEST(size_of_less_than_the_prefix)
{
    s.plugin = "sample-prefix";
    s.described = "sample";
    refused("descriptor has 8 bytes", "ABI 1.1 has 128");
}
END_TEST

START_TEST(older_major)
{
    s.plugin = "sample-older";
    s.described = "sample";
    refused("ABI major 0", "has 1");
}
END_TEST

/* What we know of a longer descriptor stands where it stood; the manifest has its version, and must have it. */
START_TEST(newer_minor)
{
    s.plugin = "sample-newer";
    driver_spawn(&d, &s, true);
    ck_assert_uint_eq(driver_receive(&d, d.control), NACRE_FRAME_READY);
    ck_assert_int_eq(driver_end(&d), 0);
    driver_free(&d);
    s.described = "sample";
    refused("abi[1]: the plugin has 2", "the manifest 1");
}
END_TEST

/* Entries of another size than ours: reading them with our stride would read anything. */
START_TEST(longer_entries)
{
    s.plugin = "sample-routes";
    s.described = "sample";
    refused("routes: 24 entries (at most 64) of 88 bytes", "(expected 80)");
}
END_TEST

START_TEST(no_symbol)
{
    s.plugin = "sample-symbol";
    s.described = "sample";
    refused("does not export", "nacre_plugin");
}
END_TEST

START_TEST(undefined_symbol)
{
    s.plugin = "sample-undefined";
    s.described = "sample";
    refused("cannot be loaded", "nobody_defines_this");
}
END_TEST

START_TEST(other_descriptor)
{
    s.plugin = "sample-version";
    s.described = "sample";
    refused("version: the plugin has \"1.0.1\"", "the manifest \"1.0.0\"");
}
END_TEST

START_TEST(start_fails)
{
    s.plugin = "sample-start";
    driver_spawn(&d, &s, false);
    driver_send_plain(&d, NACRE_FRAME_SECRETS, "{\"API_KEY\":\"sesame\"}");
    ck_assert_uint_eq(driver_receive(&d, d.control), NACRE_FRAME_FAILED);
    ck_assert(driver_text_is(&d, "the app's start() returned 503: the model does not load"));
    ck_assert_int_eq(driver_end(&d), 1);
}
END_TEST

START_TEST(not_started_by_nacred)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/bin/nacre-app", getenv("NACRE_OUT"));
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(3);
        (void)execl(path, "nacre-app", (char *)NULL);
        _exit(127);
    }
    d.pid = pid;
    ck_assert_int_eq(driver_end(&d), 2);
}
END_TEST

START_TEST(secrets_decide)
{
    static const char *const cases[][2] = {
        {"", "required secret API_KEY was not delivered"},
        {"{}", "required secret API_KEY was not delivered"},
        {"{\"EXTRA\":\"x\"}", "required secret API_KEY was not delivered"},
        {"{\"API_KEY\":7}", "secret API_KEY: expected string, got number"},
        {"{\"API_KEY\":\"a\",\"API_KEY\":\"b\"}", "secret API_KEY is given twice"},
        {"[]", "the secrets: expected object, got array"},
        {"{\"API_KEY\":\"a\"", "the secrets are not a JSON object: text ends too early (byte 14)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        driver_spawn(&d, &s, false);
        driver_send_plain(&d, NACRE_FRAME_SECRETS, cases[i][0]);
        ck_assert_uint_eq(driver_receive(&d, d.control), NACRE_FRAME_FAILED);
        ck_assert_msg(driver_text_is(&d, cases[i][1]), "%.*s", (int)d.in.payload_len,
                      (const char *)d.in.payload);
        ck_assert_int_eq(driver_end(&d), 1);
        driver_free(&d);
    }
}
END_TEST

START_TEST(too_many_secrets)
{
    char *text = malloc(NACRE_SECRETS_BLOB + 2);
    ck_assert_ptr_nonnull(text);
    memset(text, ' ', NACRE_SECRETS_BLOB + 1);
    text[NACRE_SECRETS_BLOB + 1] = '\0';
    driver_spawn(&d, &s, false);
    driver_send_plain(&d, NACRE_FRAME_SECRETS, text);
    ck_assert_uint_eq(driver_receive(&d, d.control), NACRE_FRAME_FAILED);
    ck_assert(driver_text_is(&d, "the secrets have 65537 bytes, at most 65536"));
    ck_assert_int_eq(driver_end(&d), 1);
    free(text);
}
END_TEST

START_TEST(stopped_before_secrets)
{
    driver_spawn(&d, &s, false);
    stop();
}
END_TEST

START_TEST(stopped_before_lanes)
{
    driver_spawn(&d, &s, false);
    driver_send_plain(&d, NACRE_FRAME_SECRETS, "{\"API_KEY\":\"sesame\"}");
    struct pollfd ready = {.fd = d.control, .events = POLLIN};
    ck_assert_int_eq(poll(&ready, 1, 500), 0); /* who cannot serve is not ready */
    stop();
    ck_assert(strstr(driver_log(&d), "sample: stop() was called"));
}
END_TEST

START_TEST(ends_without_nacred)
{
    driver_start(&d, &s, 1, NULL);
    (void)shutdown(d.control, SHUT_RDWR);
    ck_assert_int_eq(driver_end(&d), 1);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, check_mode);
    tcase_add_test(tc, wrong_digest);
    tcase_add_test(tc, not_sealed);
    tcase_add_test(tc, wrong_magic);
    tcase_add_test(tc, wrong_major);
    tcase_add_test(tc, wrong_size);
    tcase_add_test(tc, size_of_less_than_the_prefix);
    tcase_add_test(tc, older_major);
    tcase_add_test(tc, newer_minor);
    tcase_add_test(tc, longer_entries);
    tcase_add_test(tc, no_symbol);
    tcase_add_test(tc, undefined_symbol);
    tcase_add_test(tc, other_descriptor);
    tcase_add_test(tc, start_fails);
    tcase_add_test(tc, not_started_by_nacred);
    tcase_add_test(tc, secrets_decide);
    tcase_add_test(tc, too_many_secrets);
    tcase_add_test(tc, stopped_before_secrets);
    tcase_add_test(tc, stopped_before_lanes);
    tcase_add_test(tc, ends_without_nacred);
}

int main(void)
{
    return app_suite("app-start", add);
}
