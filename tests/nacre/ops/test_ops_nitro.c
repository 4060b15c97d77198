#include "ops/nitro.h"
#include "suite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HEX96                                                                                                \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct nacre_ops_enclave found[NACRE_OPS_ENCLAVES];
static char why[512];

static int parse(const char *text)
{
    return nacre_ops_nitro_parse(found, text, strlen(text), why, sizeof why);
}

START_TEST(what_nitro_cli_prints)
{
    /* run-enclave, and describe-enclaves, whose entries have more */
    ck_assert_int_eq(
        parse("{\n  \"EnclaveName\": \"app\",\n  \"EnclaveID\": \"i-0abc-enc187\",\n  \"ProcessID\": 1,\n"
              "  \"EnclaveCID\": 16,\n  \"NumberOfCPUs\": 2,\n  \"CPUIDs\": [1, 3],\n  \"MemoryMiB\": "
              "512\n}\n"),
        1);
    ck_assert_str_eq(found[0].id, "i-0abc-enc187");
    ck_assert_uint_eq(found[0].cid, 16);
    ck_assert_str_eq(found[0].pcr[0], "");
    ck_assert_int_eq(
        parse("[{\"EnclaveID\":\"i-1\",\"EnclaveCID\":17,\"State\":\"RUNNING\",\"Flags\":\"DEBUG_MODE\","
              "\"Measurements\":{"
              "\"HashAlgorithm\":\"Sha384 { ... }\",\"PCR0\":\"" HEX96 "\",\"PCR8\":\"" HEX96
              "\",\"PCR16\":\"no\"}},"
              "{\"EnclaveID\":\"i-2\",\"EnclaveCID\":18,\"State\":\"TERMINATING\",\"Flags\":\"NONE\"}]"),
        2);
    ck_assert(found[0].debug && !found[1].debug);
    ck_assert_str_eq(found[0].state, "RUNNING");
    ck_assert_str_eq(found[0].pcr[0], HEX96);
    ck_assert_str_eq(found[0].pcr[8], HEX96);
    ck_assert_str_eq(found[0].pcr[1], "");
    ck_assert_str_eq(found[1].id, "i-2");
    ck_assert_int_eq(parse("[]"), 0);
    ck_assert_int_eq(parse(" [ ] \n"), 0);
}
END_TEST

START_TEST(what_it_does_not_print)
{
    static const char *const bad[] = {
        "",
        "null",
        "{",
        "{}",
        "[{}]",
        "[",
        "[[]]",
        "{\"EnclaveID\":\"i-1\"}",
        "{\"EnclaveCID\":16}",
        "{\"EnclaveID\":5,\"EnclaveCID\":16}",
        "{\"EnclaveID\":\"i-1\",\"EnclaveCID\":\"16\"}",
        "{\"EnclaveID\":\"i-1\",\"EnclaveCID\":0}",
        "{\"EnclaveID\":\"i-1\",\"EnclaveCID\":4294967296}",
        "{\"EnclaveID\":\"\",\"EnclaveCID\":16}",
        "{\"EnclaveID\":\"--all\",\"EnclaveCID\":16}",
        "{\"EnclaveID\":\"i-1;x\",\"EnclaveCID\":16}",
        "{\"EnclaveID\":\"i-1\\n\",\"EnclaveCID\":16}",
        "{\"EnclaveID\":\"i-1\",\"EnclaveCID\":16}x",
        "{\"EnclaveID\":\"i-1\",\"EnclaveCID\":16,\"Measurements\":{\"PCR0\":\"abc\"}}",
        "{\"EnclaveID\":\"i-1\",\"EnclaveCID\":16,\"Measurements\":{\"PCR0\":7}}",
        "{\"EnclaveID\":\"i-1\",\"EnclaveCID\":16,\"Measurements\":[]}",
        "Start allocating memory...\n{\"EnclaveID\":\"i-1\",\"EnclaveCID\":16}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        why[0] = '\0';
        ck_assert_msg(parse(bad[i]) == -EBADMSG, "%s", bad[i]);
        ck_assert(why[0] != '\0');
    }
}
END_TEST

/* Every cut of a good answer is refused, and more enclaves than there is room for. */
START_TEST(cut_short_and_too_many)
{
    static const char good[] =
        "[{\"EnclaveID\":\"i-1\",\"EnclaveCID\":17,\"Measurements\":{\"PCR0\":\"" HEX96 "\"}}]";
    char many[8192];
    size_t len = 0;
    for (size_t n = 0; n < sizeof good - 1; n++)
        ck_assert_int_eq(nacre_ops_nitro_parse(found, good, n, why, sizeof why), -EBADMSG);
    many[len++] = '[';
    for (unsigned i = 0; i <= NACRE_OPS_ENCLAVES; i++)
        len += (size_t)snprintf(many + len, sizeof many - len, "%s{\"EnclaveID\":\"i-%u\",\"EnclaveCID\":%u}",
                                i ? "," : "", i, i + 4);
    many[len++] = ']';
    ck_assert_int_eq(nacre_ops_nitro_parse(found, many, len, why, sizeof why), -EBADMSG);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, what_nitro_cli_prints);
    tcase_add_test(tc, what_it_does_not_print);
    tcase_add_test(tc, cut_short_and_too_many);
}

int main(void)
{
    return nacre_run_suite("ops/nitro", add, 10);
}
