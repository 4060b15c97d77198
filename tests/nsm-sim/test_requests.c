#include "reader.h"
#include "requests.h"
#include "suite.h"

#include <string.h>

static struct nacre_sim_request request;

static enum nacre_sim_error decode(const char *bytes, size_t len)
{
    /* A copy of exact size, so that a sanitizer sees the first byte read too far. */
    uint8_t *copy = malloc(len + 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, bytes, len);
    uint8_t *exact = realloc(copy, len > 0 ? len : 1);
    ck_assert_ptr_nonnull(exact);
    memset(&request, 0x5a, sizeof(request));
    enum nacre_sim_error error = nacre_sim_request_decode(exact, len, &request);
    if (error != NACRE_SIM_OK) {
        static struct nacre_sim_request untouched;
        memset(&untouched, 0x5a, sizeof(untouched));
        ck_assert_mem_eq(&request, &untouched, sizeof(request));
    }
    free(exact);
    return error;
}
#define DECODE(literal) decode(literal, sizeof(literal) - 1)

struct sample {
    const char *bytes;
    size_t len;
    enum nacre_sim_kind kind;
};
#define SAMPLE(literal, kind)                                                                                \
    {                                                                                                        \
        literal, sizeof(literal) - 1, kind                                                                   \
    }

static const struct sample samples[] = {
    SAMPLE("\x6b"
           "DescribeNSM",
           NACRE_SIM_DESCRIBE_NSM),
    SAMPLE("\x69"
           "GetRandom",
           NACRE_SIM_GET_RANDOM),
    SAMPLE("\xa1\x6b"
           "DescribePCR\xa1\x65"
           "index\x10",
           NACRE_SIM_DESCRIBE_PCR),
    SAMPLE("\xa1\x69"
           "ExtendPCR\xa2\x65"
           "index\x18\x1f\x64"
           "data\x43"
           "abc",
           NACRE_SIM_EXTEND_PCR),
    SAMPLE("\xa1\x67"
           "LockPCR\xa1\x65"
           "index\x19\x01\x00",
           NACRE_SIM_LOCK_PCR),
    SAMPLE("\xa1\x68"
           "LockPCRs\xa1\x65"
           "range\x18\x20",
           NACRE_SIM_LOCK_PCRS),
    SAMPLE("\xa1\x6b"
           "Attestation\xa3\x69"
           "user_data\x42\x01\x02\x65"
           "nonce\xf6\x6a"
           "public_key\x41\x07",
           NACRE_SIM_ATTESTATION),
    SAMPLE("\xbf\x6b"
           "Attestation\xbf\x69"
           "user_data\x42\x01\x02\xff\xff",
           NACRE_SIM_ATTESTATION),
    SAMPLE("\xa1\x6b"
           "Attestation\xa0",
           NACRE_SIM_ATTESTATION),
    SAMPLE("\xa1\x67"
           "LockPCR\xa2\x65"
           "later\x82\x01\xbf\x02\xf5\xff\x65"
           "index\x11",
           NACRE_SIM_LOCK_PCR),
};
#define SAMPLES (sizeof(samples) / sizeof(samples[0]))

START_TEST(every_request)
{
    for (size_t i = 0; i < SAMPLES; i++) {
        ck_assert_int_eq(decode(samples[i].bytes, samples[i].len), NACRE_SIM_OK);
        ck_assert_int_eq(request.kind, samples[i].kind);
    }
}
END_TEST

START_TEST(fields)
{
    const struct sample *extend = &samples[3];
    ck_assert_int_eq(nacre_sim_request_decode((const uint8_t *)extend->bytes, extend->len, &request),
                     NACRE_SIM_OK);
    ck_assert_uint_eq(request.number, 31);
    ck_assert_uint_eq(request.data.len, 3);
    ck_assert_mem_eq(request.data.data, "abc", 3);

    const struct sample *attest = &samples[6];
    ck_assert_int_eq(nacre_sim_request_decode((const uint8_t *)attest->bytes, attest->len, &request),
                     NACRE_SIM_OK);
    ck_assert_uint_eq(request.user_data.len, 2);
    ck_assert_mem_eq(request.user_data.data, "\x01\x02", 2);
    ck_assert_ptr_null(request.nonce.data);
    ck_assert_uint_eq(request.public_key.len, 1);

    ck_assert_int_eq(DECODE("\xa1\x67"
                            "LockPCR\xa1\x65"
                            "index\x19\xff\xff"),
                     NACRE_SIM_OK);
    ck_assert_uint_eq(request.number, 65535);

    static const uint8_t empty[] = "\xa1\x6b"
                                   "Attestation\xa1\x65"
                                   "nonce\x40";
    ck_assert_int_eq(nacre_sim_request_decode(empty, sizeof(empty) - 1, &request), NACRE_SIM_OK);
    ck_assert_ptr_nonnull(request.nonce.data);
    ck_assert_uint_eq(request.nonce.len, 0);
}
END_TEST

START_TEST(every_truncation_and_one_byte_more)
{
    for (size_t i = 0; i < SAMPLES; i++) {
        for (size_t len = 0; len < samples[i].len; len++)
            ck_assert_int_eq(decode(samples[i].bytes, len), NACRE_SIM_INVALID_OPERATION);
        char longer[128] = {0};
        memcpy(longer, samples[i].bytes, samples[i].len);
        ck_assert_int_eq(decode(longer, samples[i].len + 1), NACRE_SIM_INVALID_OPERATION);
    }
}
END_TEST

/* Whatever one byte becomes, the answer is a request or a refusal, and nothing is read outside. */
START_TEST(every_byte_replaced)
{
    for (size_t i = 0; i < SAMPLES; i++) {
        char copy[128];
        for (size_t at = 0; at < samples[i].len; at++) {
            for (int value = 0; value < 256; value++) {
                memcpy(copy, samples[i].bytes, samples[i].len);
                copy[at] = (char)value;
                enum nacre_sim_error error = decode(copy, samples[i].len);
                ck_assert(error == NACRE_SIM_OK || error == NACRE_SIM_INVALID_OPERATION);
                ck_assert(error != NACRE_SIM_OK || request.kind < NACRE_SIM_MALFORMED);
            }
        }
    }
}
END_TEST

START_TEST(wrong_types)
{
    static const struct sample wrong[] = {
        SAMPLE("\x01", 0),
        SAMPLE("\xf6", 0),
        SAMPLE("\x80", 0),
        SAMPLE("\xa0", 0),
        SAMPLE("\x60", 0),
        SAMPLE("\x4b"
               "DescribeNSM",
               0),
        SAMPLE("\x6b"
               "describeNSM",
               0),
        SAMPLE("\x69"
               "malformed",
               0),
        SAMPLE("\x6b"
               "DescribePCR",
               0),
        SAMPLE("\xa1\x69"
               "malformed\xa0",
               0),
        SAMPLE("\xa1\x6b"
               "DescribeNSM\xf6",
               0),
        SAMPLE("\xa1\x6b"
               "DescribePCR\x10",
               0),
        SAMPLE("\xa1\x6b"
               "DescribePCR\xa0",
               0),
        SAMPLE("\xa1\x6b"
               "DescribePCR\xa1\x65"
               "range\x10",
               0),
        SAMPLE("\xa1\x6b"
               "DescribePCR\xa1\x65"
               "index\x20",
               0),
        SAMPLE("\xa1\x6b"
               "DescribePCR\xa1\x65"
               "index\x41\x10",
               0),
        SAMPLE("\xa1\x6b"
               "DescribePCR\xa1\x65"
               "index\xf6",
               0),
        SAMPLE("\xa1\x6b"
               "DescribePCR\xa1\x65"
               "index\x1a\x00\x01\x00\x00",
               0),
        SAMPLE("\xa1\x6b"
               "DescribePCR\xa2\x65"
               "index\x10\x65"
               "index\x11",
               0),
        SAMPLE("\xa1\x6b"
               "DescribePCR\xa2\x65"
               "index\x10\x01\x02",
               0),
        SAMPLE("\xa2\x6b"
               "DescribePCR\xa1\x65"
               "index\x10\x61"
               "x\x01",
               0),
        SAMPLE("\xa1\x69"
               "ExtendPCR\xa1\x65"
               "index\x10",
               0),
        SAMPLE("\xa1\x69"
               "ExtendPCR\xa2\x65"
               "index\x10\x64"
               "data\x63"
               "abc",
               0),
        SAMPLE("\xa1\x69"
               "ExtendPCR\xa2\x65"
               "index\x10\x64"
               "data\xf6",
               0),
        SAMPLE("\xa1\x69"
               "ExtendPCR\xa2\x65"
               "index\x10\x64"
               "data\x5f\x41"
               "a\xff",
               0),
        SAMPLE("\xa1\x6b"
               "Attestation\x80",
               0),
        SAMPLE("\xa1\x6b"
               "Attestation\xa1\x65"
               "nonce\x01",
               0),
        SAMPLE("\xa1\x6b"
               "Attestation\xa1\x65"
               "nonce\x61"
               "x",
               0),
        SAMPLE("\xa1\x6b"
               "Attestation\xa1\x65"
               "nonce\xf7",
               0),
        SAMPLE("\xa1\x6b"
               "Attestation\xa2\x65"
               "nonce\xf6\x65"
               "nonce\x41"
               "x",
               0),
        SAMPLE("\xd2\x69"
               "GetRandom",
               0),
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_msg(decode(wrong[i].bytes, wrong[i].len) == NACRE_SIM_INVALID_OPERATION, "sample %zu", i);
}
END_TEST

START_TEST(huge)
{
    static const char head[] = "\xa1\x69"
                               "ExtendPCR\xa2\x65"
                               "index\x10\x64"
                               "data\x59";
    char message[NACRE_SIM_REQUEST_MAX + 1] = {0};
    size_t used = sizeof(head) - 1;
    memcpy(message, head, used);
    size_t data_len = NACRE_SIM_REQUEST_MAX - used - 2;
    message[used] = (char)(data_len >> 8);
    message[used + 1] = (char)(data_len & 0xff);
    ck_assert_int_eq(decode(message, NACRE_SIM_REQUEST_MAX), NACRE_SIM_OK);
    ck_assert_uint_eq(request.data.len, data_len);
    ck_assert_int_eq(decode(message, NACRE_SIM_REQUEST_MAX + 1), NACRE_SIM_INPUT_TOO_LARGE);

    ck_assert_int_eq(DECODE("\xbb\xff\xff\xff\xff\xff\xff\xff\xff\x69"
                            "ExtendPCR"),
                     NACRE_SIM_INVALID_OPERATION);
    ck_assert_int_eq(DECODE("\x7b\xff\xff\xff\xff\xff\xff\xff\xff"
                            "GetRandom"),
                     NACRE_SIM_INVALID_OPERATION);
    ck_assert_int_eq(DECODE("\xa1\x69"
                            "ExtendPCR\xa2\x65"
                            "index\x10\x64"
                            "data\x5b\x7f\xff\xff\xff\xff\xff\xff\xff"),
                     NACRE_SIM_INVALID_OPERATION);
    ck_assert_int_eq(DECODE("\xa1\x6b"
                            "Attestation\xbb\xff\xff\xff\xff\xff\xff\xff\xff\x65"
                            "nonce\xf6"),
                     NACRE_SIM_INVALID_OPERATION);
}
END_TEST

START_TEST(nested)
{
    static const char openers[] = "\x81\x9f\xc1\xbf";
    for (size_t i = 0; i < sizeof(openers) - 1; i++) {
        char message[NACRE_SIM_REQUEST_MAX];
        memset(message, openers[i], sizeof(message));
        ck_assert_int_eq(decode(message, sizeof(message)), NACRE_SIM_INVALID_OPERATION);
        /* The same as the value of an unknown field, which is read over. */
        static const char head[] = "\xa1\x6b"
                                   "Attestation\xa1\x61"
                                   "x";
        memcpy(message, head, sizeof(head) - 1);
        ck_assert_int_eq(decode(message, sizeof(message)), NACRE_SIM_INVALID_OPERATION);
    }
}
END_TEST

START_TEST(replies_are_one_item)
{
    static struct nacre_sim_pcrs pcrs;
    ck_assert_int_eq(nacre_sim_pcrs_init(&pcrs, "i-1-enc2", false), 0);
    ck_assert_int_eq(nacre_sim_pcrs_lock_range(&pcrs, 32), NACRE_SIM_OK);
    uint8_t random[NACRE_SIM_RANDOM_LEN] = {0};
    struct nacre_sim_describe describe = {.module_id = "i-1-enc2", .pcrs = &pcrs};
    for (int n = 0; n < 6; n++) {
        uint8_t buf[NACRE_SIM_REPLY_MAX];
        struct nacre_sim_writer writer = {.data = buf, .cap = sizeof(buf)};
        if (n == 0)
            nacre_sim_reply_error(&writer, NACRE_SIM_READ_ONLY_INDEX);
        if (n == 1)
            nacre_sim_reply_describe_nsm(&writer, &describe);
        if (n == 2)
            nacre_sim_reply_describe_pcr(&writer, &pcrs.bank[1], NACRE_SIM_PCR_LEN);
        if (n == 3)
            nacre_sim_reply_extend_pcr(&writer, &pcrs.bank[1], NACRE_SIM_PCR_LEN);
        if (n == 4)
            nacre_sim_reply_random(&writer, random);
        if (n == 5)
            nacre_sim_reply_document(&writer, random, sizeof(random));
        struct nacre_sim_reader reader = {.data = buf, .len = writer.len};
        ck_assert(!writer.full);
        ck_assert_int_eq(nacre_sim_skip(&reader), 0);
        ck_assert_uint_eq(reader.pos, reader.len);
    }
}
END_TEST

NACRE_SIM_SUITE("requests", every_request, fields, every_truncation_and_one_byte_more, every_byte_replaced,
                wrong_types, huge, nested, replies_are_one_item)
