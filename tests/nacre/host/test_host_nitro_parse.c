#include "host/nitro_parse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "suite.h"

static struct nacre_hd_described list[NACRE_HD_DESCRIBED_MAX];
static char why[256];

static int parse(const char *text)
{
    return nacre_hd_nitro_parse(list, text, strlen(text), why, sizeof why);
}

START_TEST(what_the_tool_prints)
{
    static const char text[] = "[\n  {\n    \"EnclaveName\": \"nacre\",\n    \"EnclaveID\": "
                               "\"i-0abc-enc187\",\n    \"ProcessID\": 12345,\n"
                               "    \"EnclaveCID\": 16,\n    \"NumberOfCPUs\": 2,\n    \"CPUIDs\": [1, 3],\n "
                               "   \"MemoryMiB\": 512,\n"
                               "    \"State\": \"RUNNING\",\n    \"Flags\": \"NONE\",\n    \"Measurements\": "
                               "{\"PCR0\": \"ab\"}\n  },\n"
                               "  "
                               "{\"EnclaveID\":\"i-0abc-enc188\",\"EnclaveCID\":17,\"State\":\"TERMINATING\","
                               "\"Flags\":\"DEBUG_MODE\"}\n]\n";
    ck_assert_int_eq(parse(text), 2);
    ck_assert_str_eq(list[0].id, "i-0abc-enc187");
    ck_assert_uint_eq(list[0].cid, 16);
    ck_assert_str_eq(list[0].state, "RUNNING");
    ck_assert(!list[0].debug && list[1].debug);
    ck_assert_int_eq(list[0].json[0], '{');
    ck_assert_int_eq(list[0].json[list[0].json_len - 1], '}');
    ck_assert_ptr_nonnull(memmem(list[0].json, list[0].json_len, "\"PCR0\": \"ab\"}", 13));
    ck_assert_ptr_null(memmem(list[0].json, list[0].json_len, "188", 3));
    ck_assert_uint_eq(list[1].cid, 17);
}
END_TEST

START_TEST(none_is_none)
{
    ck_assert_int_eq(parse("[]"), 0);
    ck_assert_int_eq(parse(" [ ]\n"), 0);
}
END_TEST

#define ONE "\"EnclaveID\":\"i-1\",\"EnclaveCID\":16,\"State\":\"RUNNING\""

#define START "[{" ONE

static const char *const bad[] = {
    "",
    "null",
    "{}",
    "[",
    "[{]",
    (START "}"),
    (START "}]]"),
    (START "}] x"),
    (START "},5]"),
    "[{}]",
    "[{\"EnclaveID\":\"i-1\",\"EnclaveCID\":16}]",
    "[{\"EnclaveID\":\"i-1\",\"State\":\"RUNNING\"}]",
    "[{\"EnclaveID\":\"i-1\",\"EnclaveCID\":0,\"State\":\"RUNNING\"}]",
    "[{\"EnclaveID\":\"i-1\",\"EnclaveCID\":\"16\",\"State\":\"RUNNING\"}]",
    "[{\"EnclaveID\":\"i-1\",\"EnclaveCID\":4294967296,\"State\":\"RUNNING\"}]",
    "[{\"EnclaveID\":\"i-1\",\"EnclaveCID\":-1,\"State\":\"RUNNING\"}]",
    "[{\"EnclaveID\":7,\"EnclaveCID\":16,\"State\":\"RUNNING\"}]",
    "[{\"EnclaveID\":\"--output\",\"EnclaveCID\":16,\"State\":\"RUNNING\"}]",
    "[{\"EnclaveID\":\"a b\",\"EnclaveCID\":16,\"State\":\"RUNNING\"}]",
    "[{\"EnclaveID\":\"\",\"EnclaveCID\":16,\"State\":\"RUNNING\"}]",
    "[{\"EnclaveID\":\"i-1\",\"EnclaveCID\":16,\"State\":\"RUNNINGRUNNINGRUNNINGRUNNING\"}]",
    "Error: nitro-cli not set up [ E36 ]",
};

START_TEST(anything_else_is_refused)
{
    why[0] = '\0';
    ck_assert_msg(parse(bad[_i]) == -EBADMSG, "%s", bad[_i]);
    ck_assert_str_ne(why, "");
}
END_TEST

START_TEST(too_many_are_refused)
{
    static char text[16384];
    size_t used = (size_t)snprintf(text, sizeof text, "[");
    for (unsigned i = 0; i <= NACRE_HD_DESCRIBED_MAX; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s{" ONE "}", i ? "," : "");
    (void)snprintf(text + used, sizeof text - used, "]");
    ck_assert_int_eq(parse(text), -EBADMSG);
    ck_assert_ptr_nonnull(strstr(why, "64"));
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, what_the_tool_prints);
    tcase_add_test(tc, none_is_none);
    tcase_add_loop_test(tc, anything_else_is_refused, 0, (int)(sizeof bad / sizeof bad[0]));
    tcase_add_test(tc, too_many_are_refused);
}

int main(void)
{
    return nacre_run_suite("host_nitro_parse", add, 30);
}
