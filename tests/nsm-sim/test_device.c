#include "device.h"
#include "reader.h"
#include "suite.h"

#include <string.h>

static struct nacre_sim_device device;
static struct nacre_sim_job job;
static struct nacre_sim_reply reply;

static void start(void)
{
    memset(&device, 0, sizeof(device));
    (void)snprintf(device.module_id, sizeof(device.module_id), "i-1-enc2");
    ck_assert_int_eq(nacre_sim_pcrs_init(&device.pcrs, device.module_id, false), 0);
    ck_assert_int_eq(nacre_sim_chain_init(&device.chain, NULL), 0);
}

static void call(const char *bytes, size_t len)
{
    memcpy(job.message, bytes, len);
    nacre_sim_device_begin(&device, &job, len);
    nacre_sim_device_finish(&device, &job, &reply);
}
#define CALL(literal) call(literal, sizeof(literal) - 1)

static void control(const char *line, const char *expected)
{
    char answer[256];
    nacre_sim_device_control(&device, line, answer, sizeof(answer));
    ck_assert_str_eq(answer, expected);
}

/* The reply is one whole CBOR item. */
static bool is_item(void)
{
    struct nacre_sim_reader reader = {.data = reply.data, .len = reply.len};
    return nacre_sim_skip(&reader) == 0 && reader.pos == reader.len;
}

/* The reply is a map whose first key is this. */
static bool answers(const char *name)
{
    struct nacre_sim_reader reader = {.data = reply.data, .len = reply.len, .pos = 1};
    struct nacre_sim_token token;
    return reply.data[0] == 0xa1 && nacre_sim_read(&reader, &token) == 0 && nacre_sim_token_is(&token, name);
}

static bool is_error(enum nacre_sim_error error)
{
    struct nacre_sim_reader reader = {.data = reply.data, .len = reply.len, .pos = 1};
    struct nacre_sim_token token;
    return answers("Error") && nacre_sim_read(&reader, &token) == 0 && nacre_sim_read(&reader, &token) == 0 &&
           nacre_sim_token_is(&token, nacre_sim_error_name(error)) && reader.pos == reader.len;
}

START_TEST(good_requests)
{
    start();
    CALL("\x6b"
         "DescribeNSM");
    ck_assert(is_item() && answers("DescribeNSM"));
    CALL("\x69"
         "GetRandom");
    ck_assert(is_item() && answers("GetRandom"));
    ck_assert_uint_gt(reply.len, 256);
    CALL("\xa1\x6b"
         "DescribePCR\xa1\x65"
         "index\x10");
    ck_assert(is_item() && answers("DescribePCR"));
    CALL("\xa1\x69"
         "ExtendPCR\xa2\x65"
         "index\x10\x64"
         "data\x43"
         "abc");
    ck_assert(is_item() && answers("ExtendPCR"));
    CALL("\xa1\x6b"
         "Attestation\xa0");
    ck_assert(is_item() && answers("Attestation"));
    CALL("\xa1\x67"
         "LockPCR\xa1\x65"
         "index\x10");
    ck_assert_uint_eq(reply.len, 8);
    ck_assert_mem_eq(reply.data,
                     "\x67"
                     "LockPCR",
                     8);
    CALL("\xa1\x68"
         "LockPCRs\xa1\x65"
         "range\x18\x20");
    ck_assert_mem_eq(reply.data,
                     "\x68"
                     "LockPCRs",
                     9);
    ck_assert_uint_eq(nacre_sim_pcrs_locked(&device.pcrs), 32);
    nacre_sim_device_clear(&device);
}
END_TEST

START_TEST(refusals)
{
    start();
    CALL("\xa1\x6b"
         "DescribePCR\xa1\x65"
         "index\x18\x20");
    ck_assert(is_error(NACRE_SIM_INVALID_INDEX));
    CALL("\xa1\x69"
         "ExtendPCR\xa2\x65"
         "index\x18\x20\x64"
         "data\x43"
         "abc");
    ck_assert(is_error(NACRE_SIM_INVALID_INDEX));
    CALL("\xa1\x69"
         "ExtendPCR\xa2\x65"
         "index\x00\x64"
         "data\x43"
         "abc");
    ck_assert(is_error(NACRE_SIM_READ_ONLY_INDEX));
    CALL("\xa1\x67"
         "LockPCR\xa1\x65"
         "index\x0f");
    ck_assert(is_error(NACRE_SIM_READ_ONLY_INDEX));
    CALL("\xa1\x68"
         "LockPCRs\xa1\x65"
         "range\x18\x21");
    ck_assert(is_error(NACRE_SIM_INVALID_INDEX));
    CALL("\xff");
    ck_assert(is_error(NACRE_SIM_INVALID_OPERATION));
    call("", 0);
    ck_assert(is_error(NACRE_SIM_INVALID_OPERATION));
    nacre_sim_device_begin(&device, &job, NACRE_SIM_REQUEST_MAX + 1);
    nacre_sim_device_finish(&device, &job, &reply);
    ck_assert(is_error(NACRE_SIM_INPUT_TOO_LARGE));
    control("count malformed", "ok 3\n");
    nacre_sim_device_clear(&device);
}
END_TEST

static void attest(size_t user_data, size_t public_key)
{
    struct nacre_sim_writer writer = {.data = job.message, .cap = sizeof(job.message)};
    static uint8_t bytes[NACRE_SIM_REQUEST_MAX];
    nacre_sim_put_map(&writer, 1);
    nacre_sim_put_text(&writer, "Attestation");
    nacre_sim_put_map(&writer, 2);
    nacre_sim_put_text(&writer, "user_data");
    nacre_sim_put_bytes(&writer, bytes, user_data);
    nacre_sim_put_text(&writer, "public_key");
    nacre_sim_put_bytes(&writer, bytes, public_key);
    ck_assert(!writer.full);
    nacre_sim_device_begin(&device, &job, writer.len);
    nacre_sim_device_finish(&device, &job, &reply);
}

START_TEST(sizes_of_attestation_fields)
{
    start();
    attest(512, 1024);
    ck_assert(answers("Attestation"));
    attest(513, 1);
    ck_assert(is_error(NACRE_SIM_INPUT_TOO_LARGE));
    attest(0, 1025);
    ck_assert(is_error(NACRE_SIM_INPUT_TOO_LARGE));
    attest(1, 0);
    ck_assert(is_error(NACRE_SIM_INVALID_ARGUMENT));
    device.any_size = true;
    attest(3000, 1000);
    ck_assert(answers("Attestation"));
    /* The largest request and the most PCRs there are still give a document. */
    ck_assert_int_eq(nacre_sim_pcrs_lock_range(&device.pcrs, 32), NACRE_SIM_OK);
    attest(NACRE_SIM_REQUEST_MAX - 43, 0);
    ck_assert(answers("Attestation") && is_item());
    nacre_sim_device_clear(&device);
}
END_TEST

START_TEST(error_fault_does_nothing_else)
{
    start();
    struct nacre_sim_pcrs before = device.pcrs;
    control("fault error ReadOnlyIndex ExtendPCR 1", "ok\n");
    CALL("\xa1\x69"
         "ExtendPCR\xa2\x65"
         "index\x10\x64"
         "data\x43"
         "abc");
    ck_assert(is_error(NACRE_SIM_READ_ONLY_INDEX));
    ck_assert_mem_eq(&device.pcrs, &before, sizeof(before));
    CALL("\xa1\x69"
         "ExtendPCR\xa2\x65"
         "index\x10\x64"
         "data\x43"
         "abc");
    ck_assert(answers("ExtendPCR"));
    nacre_sim_device_clear(&device);
}
END_TEST

START_TEST(damaged_replies)
{
    start();
    control("fault garbage 1", "ok\n");
    control("fault truncate 1", "ok\n");
    control("fault close 1", "ok\n");
    control("fault wrong-type 2", "ok\n");
    CALL("\x69"
         "GetRandom");
    ck_assert(!is_item() && reply.data[0] == 0x1c && !reply.close);
    CALL("\xa1\x67"
         "LockPCR\xa1\x65"
         "index\x10");
    ck_assert(!is_item());
    CALL("\x69"
         "GetRandom");
    ck_assert(reply.close);
    CALL("\x69"
         "GetRandom");
    ck_assert(answers("DescribeNSM") && is_item() && !reply.close);
    CALL("\x6b"
         "DescribeNSM");
    ck_assert(answers("GetRandom") && is_item());
    CALL("\x69"
         "GetRandom");
    ck_assert(answers("GetRandom") && is_item());
    nacre_sim_device_clear(&device);
}
END_TEST

START_TEST(short_pcr)
{
    start();
    CALL("\xa1\x6b"
         "DescribePCR\xa1\x65"
         "index\x00");
    size_t whole = reply.len;
    control("fault short-pcr", "ok\n");
    CALL("\xa1\x6b"
         "DescribePCR\xa1\x65"
         "index\x00");
    ck_assert(is_item());
    ck_assert_uint_eq(reply.len, whole - 1);
    nacre_sim_device_clear(&device);
}
END_TEST

START_TEST(control_lines)
{
    start();
    CALL("\x69"
         "GetRandom");
    CALL("\x69"
         "GetRandom");
    CALL("\x6b"
         "DescribeNSM");
    control("count GetRandom", "ok 2\n");
    control("count *", "ok 3\n");
    control("count Attestation", "ok 0\n");
    control("count", "error: say fault, clock MS, count REQUEST or clear\n");
    control("count nothing", "error: unknown request\n");
    control("nonsense", "error: say fault, clock MS, count REQUEST or clear\n");
    control("fault delay 5", "ok\n");
    control("clear", "ok\n");
    CALL("\x69"
         "GetRandom");
    ck_assert_int_eq(job.plan.delay_ms, 0);
    nacre_sim_device_clear(&device);
    nacre_sim_device_clear(NULL);
}
END_TEST

NACRE_SIM_SUITE("device", good_requests, refusals, sizes_of_attestation_fields, error_fault_does_nothing_else,
                damaged_replies, short_pcr, control_lines)
