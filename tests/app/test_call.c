#include "app/call.h"
#include "suite.h"

#include <stdio.h>
#include <string.h>

static struct nacre_app app;
static struct nacre_app_call call;

static void begin(uint64_t deadline_ns)
{
    nacre_call_begin(&call, &app, NULL, NULL, 7, deadline_ns);
}

static bool text_is(const char *text)
{
    return call.fail_len == strlen(text) && memcmp(call.fail_text, text, call.fail_len) == 0;
}

START_TEST(what_the_plugin_sees)
{
    begin(0);
    ck_assert_ptr_eq(&call.visible, (void *)&call);
    ck_assert(call.visible.struct_size == sizeof(struct nacre_call) && call.visible.request_id == 7);
    ck_assert_uint_eq(call.visible.host->struct_size, sizeof(struct nacre_host));
    ck_assert(call.visible.host->abi_major == NACRE_ABI_MAJOR &&
              call.visible.host->abi_minor == NACRE_ABI_MINOR);
    /* no service is missing */
    for (size_t at = offsetof(struct nacre_host, alloc); at < sizeof(struct nacre_host);
         at += sizeof(void *)) {
        void *service;
        memcpy(&service, (const char *)call.visible.host + at, sizeof service);
        ck_assert_ptr_nonnull(service);
    }
    ck_assert_str_eq(nacre_request_hex(0xabcdef).text, "0000000000abcdef");
    ck_assert_str_eq(nacre_request_hex(UINT64_MAX).text, "ffffffffffffffff");
}
END_TEST

/* 0 says that the deadline has passed: a handler that waits for it must not see it early. */
START_TEST(remaining)
{
    begin(nacre_monotonic_ns() + 10000000000u);
    ck_assert(nacre_call_remaining(&call) > 9000 && nacre_call_remaining(&call) <= 10000);
    begin(nacre_monotonic_ns() - 1);
    ck_assert_uint_eq(nacre_call_remaining(&call), 0);
    begin(0);
    ck_assert_uint_eq(nacre_call_remaining(&call), 0);
    begin(UINT64_MAX / 2);
    ck_assert_uint_eq(nacre_call_remaining(&call), UINT32_MAX);
    begin(nacre_monotonic_ns() + 3000000);
    while (nacre_call_remaining(&call) > 0)
        continue;
    ck_assert_uint_ge(nacre_monotonic_ns(), call.deadline_ns);
}
END_TEST

START_TEST(failure_texts)
{
    static const struct {
        const char *text, *noted;
    } cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
        {"a\xffz\xc3", "a?z?"},
        {"\xed\xa0\x80", "???"},
        {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
        {"\xf0\x9f\x98", "???"},
        {"line\nbreak", "line\nbreak"},
    };
    begin(0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ck_assert_int_eq(nacre_call_fail_z(&call, 400 + (int32_t)i, cases[i].text), 400 + (int32_t)i);
        ck_assert(text_is(cases[i].noted) && call.fail_status == 400 + (int32_t)i);
    }
}
END_TEST

/* Cut between characters, wherever the end falls in one. */
START_TEST(long_failure_texts)
{
    static const char euro[3] = {(char)0xe2, (char)0x82, (char)0xac};
    char text[3 * NACRE_FAILURE_TEXT + 8];
    begin(0);
    for (size_t shift = 0; shift < 3; shift++) {
        memset(text, 'x', shift);
        for (size_t i = 0; i < NACRE_FAILURE_TEXT; i++)
            memcpy(text + shift + 3 * i, euro, sizeof euro);
        (void)nacre_call_fail(&call, 500, text, shift + 3 * (size_t)NACRE_FAILURE_TEXT);
        ck_assert_uint_eq(call.fail_len, NACRE_FAILURE_TEXT - (NACRE_FAILURE_TEXT - shift) % 3);
        ck_assert_mem_eq(call.fail_text, text, call.fail_len);
    }
    memset(text, 0xff, sizeof text);
    (void)nacre_call_fail(&call, 500, text, sizeof text);
    ck_assert_uint_eq(call.fail_len, NACRE_FAILURE_TEXT);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, what_the_plugin_sees);
    tcase_add_test(tc, remaining);
    tcase_add_test(tc, failure_texts);
    tcase_add_test(tc, long_failure_texts);
}

int main(void)
{
    return nacre_run_suite("call", add, 10);
}
