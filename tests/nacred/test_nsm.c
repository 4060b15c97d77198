#include "common/bytes.h"
#include "nacred/nsm.h"
#include "suite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct nacre_nsm_answer answer;
static char why[NACRE_NSM_WHY];

#define DECODE(KIND, BYTES) nacre_nsm_decode((const uint8_t *)(BYTES), sizeof(BYTES) - 1, KIND, &answer, why)

/* The requests as another implementation (python3-cbor2) writes them. */
START_TEST(requests_are_byte_exact)
{
    uint8_t out[512];
    const uint8_t data[3] = {1, 2, 3};
    struct nacre_nsm_request r = {.kind = NACRE_NSM_DESCRIBE_PCR, .number = 16};
    static const char describe[] = "\xa1\x6b"
                                   "DescribePCR\xa1\x65"
                                   "index\x10";
    ck_assert_uint_eq(nacre_nsm_encode(out, sizeof out, &r), sizeof describe - 1);
    ck_assert_mem_eq(out, describe, sizeof describe - 1);
    r = (struct nacre_nsm_request){.kind = NACRE_NSM_EXTEND_PCR, .number = 17, .data = {data, 3}};
    static const char extend[] = "\xa1\x69"
                                 "ExtendPCR\xa2\x65"
                                 "index\x11\x64"
                                 "data\x43\x01\x02\x03";
    ck_assert_uint_eq(nacre_nsm_encode(out, sizeof out, &r), sizeof extend - 1);
    ck_assert_mem_eq(out, extend, sizeof extend - 1);
    r = (struct nacre_nsm_request){.kind = NACRE_NSM_LOCK_PCRS, .number = 32};
    static const char lock[] = "\xa1\x68"
                               "LockPCRs\xa1\x65"
                               "range\x18\x20";
    ck_assert_uint_eq(nacre_nsm_encode(out, sizeof out, &r), sizeof lock - 1);
    ck_assert_mem_eq(out, lock, sizeof lock - 1);
    r = (struct nacre_nsm_request){
        .kind = NACRE_NSM_ATTESTATION, .user_data = {data, 2}, .public_key = {data, 1}};
    static const char attest[] = "\xa1\x6b"
                                 "Attestation\xa3\x69"
                                 "user_data\x42\x01\x02\x65"
                                 "nonce\xf6\x6a"
                                 "public_key\x41\x01";
    ck_assert_uint_eq(nacre_nsm_encode(out, sizeof out, &r), sizeof attest - 1);
    ck_assert_mem_eq(out, attest, sizeof attest - 1);
    for (size_t cap = 0; cap < sizeof attest - 1; cap++)
        ck_assert_uint_eq(nacre_nsm_encode(out, cap, &r), 0);
    r = (struct nacre_nsm_request){.kind = NACRE_NSM_GET_RANDOM};
    ck_assert_uint_eq(nacre_nsm_encode(out, sizeof out, &r), 10);
    ck_assert_mem_eq(out,
                     "\x69"
                     "GetRandom",
                     10);
    ck_assert_uint_eq(nacre_nsm_encode(out, 9, &r), 0);
}
END_TEST

START_TEST(random_bytes)
{
    static const char head[] = "\xa1\x69"
                               "GetRandom\xa1\x66"
                               "random\x59";
    uint8_t reply[400] = {0};
    size_t n = sizeof head - 1;
    memcpy(reply, head, n);
    for (size_t len = 0; len <= NACRE_NSM_RANDOM_MAX + 1; len++) {
        reply[n] = (uint8_t)(len >> 8);
        reply[n + 1] = (uint8_t)len;
        bool fits = len > 0 && len <= NACRE_NSM_RANDOM_MAX;
        answer.random_len = 0;
        memset(reply + n + 2, (int)len, len);
        ck_assert_int_eq(nacre_nsm_decode(reply, n + 2 + len, NACRE_NSM_GET_RANDOM, &answer, why),
                         fits ? 0 : -EBADMSG);
        ck_assert_uint_eq(answer.random_len, fits ? len : 0);
        if (fits)
            ck_assert_uint_eq(answer.random[len - 1], len & 0xff);
        if (len > 0) /* cut short */
            ck_assert_int_eq(nacre_nsm_decode(reply, n + 1 + len, NACRE_NSM_GET_RANDOM, &answer, why),
                             -EBADMSG);
    }
    ck_assert_int_eq(DECODE(NACRE_NSM_GET_RANDOM, "\x69"
                                                  "GetRandom"),
                     -EBADMSG);
    ck_assert_int_eq(DECODE(NACRE_NSM_GET_RANDOM, "\xa1\x69"
                                                  "GetRandom\xa1\x66"
                                                  "random\x63"
                                                  "abc"),
                     -EBADMSG);
}
END_TEST

/* {name: {"lock": true, "data": len bytes}} and the like. */
static size_t put_pcr(uint8_t *out, const char *name, int lock, size_t len)
{
    struct nacre_writer w = nacre_writer(out, 128);
    nacre_write_u8(&w, 0xa1);
    nacre_write_u8(&w, (uint8_t)(0x60 + strlen(name)));
    nacre_write_bytes(&w, name, strlen(name));
    nacre_write_u8(&w, lock >= 0 ? 0xa2 : 0xa1);
    if (lock >= 0) {
        nacre_write_bytes(&w, "\x64lock", 5);
        nacre_write_u8(&w, lock ? 0xf5 : 0xf4);
    }
    nacre_write_bytes(&w,
                      "\x64"
                      "data\x58",
                      6);
    nacre_write_u8(&w, (uint8_t)len);
    memset(nacre_write_room(&w, len), 0xab, len);
    return w.len;
}

static void check_pcr(enum nacre_nsm_kind kind, const char *name, int lock)
{
    uint8_t reply[128];
    size_t len = put_pcr(reply, name, lock, 48);
    memset(&answer, 0, sizeof answer);
    ck_assert_int_eq(nacre_nsm_decode(reply, len, kind, &answer, why), 0);
    ck_assert_uint_eq(answer.pcr[0], 0xab);
    ck_assert_uint_eq(answer.pcr[47], 0xab);
    ck_assert_int_eq(answer.locked, lock == 1);
    for (size_t cut = 0; cut < len; cut++)
        ck_assert_int_eq(nacre_nsm_decode(reply, cut, kind, &answer, why), -EBADMSG);
    reply[len] = 0xf6; /* something behind it */
    ck_assert_int_eq(nacre_nsm_decode(reply, len + 1, kind, &answer, why), -EBADMSG);
    for (size_t wrong = 46; wrong <= 50; wrong++) {
        len = put_pcr(reply, name, lock, wrong);
        ck_assert_int_eq(nacre_nsm_decode(reply, len, kind, &answer, why), wrong == 48 ? 0 : -EBADMSG);
    }
}

START_TEST(registers)
{
    check_pcr(NACRE_NSM_DESCRIBE_PCR, "DescribePCR", 1);
    check_pcr(NACRE_NSM_DESCRIBE_PCR, "DescribePCR", 0);
    check_pcr(NACRE_NSM_EXTEND_PCR, "ExtendPCR", -1);
}
END_TEST

START_TEST(a_reply_to_another_request_is_none)
{
    uint8_t reply[128];
    size_t len = put_pcr(reply, "ExtendPCR", -1, 48);
    ck_assert_int_eq(nacre_nsm_decode(reply, len, NACRE_NSM_DESCRIBE_PCR, &answer, why), -EBADMSG);
    ck_assert_ptr_nonnull(strstr(why, "DescribePCR"));
    len = put_pcr(reply, "DescribePCR", 1, 48);
    ck_assert_int_eq(nacre_nsm_decode(reply, len, NACRE_NSM_EXTEND_PCR, &answer, why), -EBADMSG);
    len = put_pcr(reply, "ExtendPCR", 1, 48); /* an entry too many */
    ck_assert_int_eq(nacre_nsm_decode(reply, len, NACRE_NSM_EXTEND_PCR, &answer, why), -EBADMSG);
    ck_assert_int_eq(DECODE(NACRE_NSM_LOCK_PCRS, "\x67"
                                                 "LockPCR"),
                     -EBADMSG);
    ck_assert_int_eq(DECODE(NACRE_NSM_LOCK_PCRS, "\xa1\x68"
                                                 "LockPCRs\xa0"),
                     -EBADMSG);
    ck_assert_int_eq(DECODE(NACRE_NSM_LOCK_PCRS, "\x48"
                                                 "LockPCRs"),
                     -EBADMSG);
    ck_assert_int_eq(DECODE(NACRE_NSM_LOCK_PCRS, "\x68"
                                                 "LockPCRs"),
                     0);
    ck_assert_int_eq(DECODE(NACRE_NSM_DESCRIBE_PCR, "\x6b"
                                                    "DescribePCR"),
                     -EBADMSG);
}
END_TEST

START_TEST(wrong_types)
{
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {
#define BAD(B) {B, sizeof(B) - 1}
        BAD(""),
        BAD("\xf6"),
        BAD("\x00"),
        BAD("\x80"),
        BAD("\xa0"),
        BAD("\xa1\x6b"
            "Attestation\xf6"),
        BAD("\xa1\x6b"
            "Attestation\xa0"),
        BAD("\xa1\x6b"
            "Attestation\xa1\x68"
            "document\x63"
            "abc"), /* text */
        BAD("\xa1\x6b"
            "Attestation\xa1\x68"
            "document\x40"), /* empty */
        BAD("\xa1\x6b"
            "Attestation\xa1\x68"
            "document\x5f\x41"
            "a\xff"), /* in pieces */
        BAD("\xa1\x6b"
            "Attestation\xa1\x68"
            "document\xf6"),
        BAD("\xa1\x6b"
            "Attestation\xa1\x68"
            "Document\x41"
            "a"),
        BAD("\xa1\x6b"
            "Attestation\xa1\x48"
            "document\x41"
            "a"), /* the key is bytes */
        BAD("\xa1\x6b"
            "Attestation\xa2\x68"
            "document\x41"
            "a\x61x\x00"), /* more than asked for */
        BAD("\xa1\x6b"
            "Attestation\xa2\x68"
            "document\x41"
            "a\x68"
            "document\x41"
            "b"),
        BAD("\xa2\x6b"
            "Attestation\xa1\x68"
            "document\x41"
            "a\x65"
            "Error\x63"
            "abc"),
        BAD("\xa1\x6b"
            "Attestation\x81\x41"
            "a"),
        BAD("\x9a\x7f\xff\xff\xff"), /* claims 2^31 items */
        BAD("\xbb\x7f\xff\xff\xff\xff\xff\xff\xff"),
        BAD("\x5b\xff\xff\xff\xff\xff\xff\xff\xff"),
#undef BAD
    };
    memset(&answer, 0, sizeof answer);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(nacre_nsm_decode((const uint8_t *)bad[i].bytes, bad[i].len, NACRE_NSM_ATTESTATION,
                                       &answer, why) == -EBADMSG,
                      "reply %zu is taken", i);
    ck_assert_uint_eq(answer.document_len, 0);
    ck_assert_int_eq(DECODE(NACRE_NSM_ATTESTATION, "\xa1\x6b"
                                                   "Attestation\xa1\x68"
                                                   "document\x41"
                                                   "a"),
                     0);
    ck_assert_uint_eq(answer.document_len, 1);
    ck_assert_int_eq(DECODE(NACRE_NSM_ATTESTATION, "\xbf\x6b"
                                                   "Attestation\xbf\x68"
                                                   "document\x42"
                                                   "ab\xff\xff"),
                     0);
    ck_assert_uint_eq(answer.document_len, 2); /* of indefinite length, as newer modules write maps */
}
END_TEST

START_TEST(deep_nesting_is_refused)
{
    uint8_t deep[NACRE_NSM_REPLY_MAX];
    memset(deep, 0x81, sizeof deep);
    deep[sizeof deep - 1] = 0;
    ck_assert_int_eq(nacre_nsm_decode(deep, sizeof deep, NACRE_NSM_ATTESTATION, &answer, why), -EBADMSG);
}
END_TEST

START_TEST(a_document_that_is_too_long)
{
    static uint8_t reply[NACRE_DOCUMENT_MAX + 100];
    static const char head[] = "\xa1\x6b"
                               "Attestation\xa1\x68"
                               "document\x59";
    size_t n = sizeof head - 1;
    memcpy(reply, head, n);
    for (size_t len = NACRE_DOCUMENT_MAX; len <= NACRE_DOCUMENT_MAX + 1; len++) {
        reply[n] = (uint8_t)(len >> 8);
        reply[n + 1] = (uint8_t)len;
        int err = nacre_nsm_decode(reply, n + 2 + len, NACRE_NSM_ATTESTATION, &answer, why);
        ck_assert_int_eq(err, len == NACRE_DOCUMENT_MAX ? 0 : -EBADMSG);
    }
}
END_TEST

START_TEST(errors_are_named)
{
    static const char *const names[] = {"InvalidArgument", "InvalidIndex",     "InvalidResponse",
                                        "ReadOnlyIndex",   "InvalidOperation", "BufferTooSmall",
                                        "InputTooLarge",   "InternalError"};
    for (size_t i = 0; i < 8; i++) {
        uint8_t reply[64];
        size_t len = (size_t)snprintf((char *)reply, sizeof reply,
                                      "\xa1\x65"
                                      "Error%c%s",
                                      (char)(0x60 + strlen(names[i])), names[i]);
        for (int kind = NACRE_NSM_DESCRIBE_PCR; kind <= NACRE_NSM_ATTESTATION; kind++) {
            ck_assert_int_eq(nacre_nsm_decode(reply, len, (enum nacre_nsm_kind)kind, &answer, why),
                             -EREMOTEIO);
            ck_assert_ptr_nonnull(strstr(why, names[i]));
            for (size_t cut = 0; cut < len; cut++)
                ck_assert_int_eq(nacre_nsm_decode(reply, cut, (enum nacre_nsm_kind)kind, &answer, why),
                                 -EBADMSG);
        }
    }
    /* what is no plain word is not repeated to logs and clients */
    ck_assert_int_eq(DECODE(NACRE_NSM_ATTESTATION, "\xa1\x65"
                                                   "Error\x63"
                                                   "a\nb"),
                     -EBADMSG);
    ck_assert_int_eq(DECODE(NACRE_NSM_ATTESTATION, "\xa1\x65"
                                                   "Error\x60"),
                     -EBADMSG);
    ck_assert_int_eq(DECODE(NACRE_NSM_ATTESTATION, "\xa1\x65"
                                                   "Error\x43"
                                                   "abc"),
                     -EBADMSG);
    ck_assert_int_eq(DECODE(NACRE_NSM_ATTESTATION, "\xa1\x65"
                                                   "Error\x78\x21"
                                                   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
                     -EBADMSG);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, requests_are_byte_exact);
    tcase_add_test(tc, random_bytes);
    tcase_add_test(tc, registers);
    tcase_add_test(tc, a_reply_to_another_request_is_none);
    tcase_add_test(tc, wrong_types);
    tcase_add_test(tc, deep_nesting_is_refused);
    tcase_add_test(tc, a_document_that_is_too_long);
    tcase_add_test(tc, errors_are_named);
}

int main(void)
{
    return nacre_run_suite("nacred/nsm", add, 20);
}
