#include "device.h"

#include "document.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define USER_DATA_MAX  512 /* the limits AWS documents for an attestation document */
#define NONCE_MAX      512
#define PUBLIC_KEY_MAX 1024

void nacre_sim_device_begin(struct nacre_sim_device *device, struct nacre_sim_job *job, size_t len)
{
    job->request = (struct nacre_sim_request){.kind = NACRE_SIM_MALFORMED};
    job->refused = nacre_sim_request_decode(job->message, len, &job->request);
    device->served[job->request.kind]++;
    nacre_sim_fault_plan(&device->faults, job->request.kind, &job->plan);
}

static int get_random(uint8_t *out, size_t len)
{
    /* Up to 256 bytes come whole and without EINTR once the pool is seeded. */
    return getrandom(out, len, 0) == (ssize_t)len ? 0 : -EIO;
}

static enum nacre_sim_error write_random(struct nacre_sim_writer *writer)
{
    uint8_t random[NACRE_SIM_RANDOM_LEN];
    if (get_random(random, sizeof(random)) < 0)
        return NACRE_SIM_INTERNAL_ERROR;
    nacre_sim_reply_random(writer, random);
    return NACRE_SIM_OK;
}

/* Milliseconds since 1970 on the simulator's clock. */
static int64_t clock_now(const struct nacre_sim_device *device)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + device->faults.clock_ms;
}

static enum nacre_sim_error check_sizes(const struct nacre_sim_request *request)
{
    if (request->user_data.len > USER_DATA_MAX || request->nonce.len > NONCE_MAX ||
        request->public_key.len > PUBLIC_KEY_MAX)
        return NACRE_SIM_INPUT_TOO_LARGE;
    if (request->public_key.data != NULL && request->public_key.len == 0)
        return NACRE_SIM_INVALID_ARGUMENT;
    return NACRE_SIM_OK;
}

static enum nacre_sim_error attest(struct nacre_sim_device *device, const struct nacre_sim_job *job,
                                   size_t pcr_len, struct nacre_sim_writer *writer)
{
    enum nacre_sim_error error = device->any_size ? NACRE_SIM_OK : check_sizes(&job->request);
    if (error != NACRE_SIM_OK)
        return error;
    int64_t now = clock_now(device);
    if (now < 0 || nacre_sim_chain_renew(&device->chain, device->module_id, now / 1000) < 0)
        return NACRE_SIM_INTERNAL_ERROR;
    struct nacre_sim_document document = {
        .module_id = device->module_id,
        .timestamp = (uint64_t)now,
        .pcrs = &device->pcrs,
        .chain = &device->chain,
        .request = &job->request,
        .definite = device->definite,
        .tagged = device->tagged,
        .bad_signature = job->plan.damage == NACRE_SIM_FAULT_BAD_SIGNATURE,
        .pcr_len = pcr_len,
    };
    uint8_t buf[NACRE_SIM_DOCUMENT_MAX];
    struct nacre_sim_writer signed_document = {.data = buf, .cap = sizeof(buf)};
    if (nacre_sim_document_write(&document, &signed_document) < 0)
        return NACRE_SIM_INTERNAL_ERROR;
    nacre_sim_reply_document(writer, signed_document.data, signed_document.len);
    return NACRE_SIM_OK;
}

/* Extends, or only looks, and writes the register either way. */
static enum nacre_sim_error use_pcr(struct nacre_sim_pcrs *pcrs, const struct nacre_sim_request *request,
                                    size_t pcr_len, struct nacre_sim_writer *writer)
{
    if (request->kind == NACRE_SIM_EXTEND_PCR) {
        enum nacre_sim_error error =
            nacre_sim_pcrs_extend(pcrs, request->number, request->data.data, request->data.len);
        if (error == NACRE_SIM_OK)
            nacre_sim_reply_extend_pcr(writer, &pcrs->bank[request->number], pcr_len);
        return error;
    }
    if (request->number >= NACRE_SIM_PCR_COUNT)
        return NACRE_SIM_INVALID_INDEX;
    nacre_sim_reply_describe_pcr(writer, &pcrs->bank[request->number], pcr_len);
    return NACRE_SIM_OK;
}

static enum nacre_sim_error lock(struct nacre_sim_pcrs *pcrs, const struct nacre_sim_request *request,
                                 struct nacre_sim_writer *writer)
{
    enum nacre_sim_error error = request->kind == NACRE_SIM_LOCK_PCR
                                     ? nacre_sim_pcrs_lock(pcrs, request->number)
                                     : nacre_sim_pcrs_lock_range(pcrs, request->number);
    if (error == NACRE_SIM_OK)
        nacre_sim_put_text(writer, nacre_sim_kind_name(request->kind));
    return error;
}

static enum nacre_sim_error carry_out(struct nacre_sim_device *device, const struct nacre_sim_job *job,
                                      struct nacre_sim_writer *writer)
{
    size_t pcr_len = NACRE_SIM_PCR_LEN - (job->plan.damage == NACRE_SIM_FAULT_SHORT_PCR ? 1 : 0);
    struct nacre_sim_describe describe = {.module_id = device->module_id, .pcrs = &device->pcrs};
    if (job->refused != NACRE_SIM_OK)
        return job->refused;
    switch (job->request.kind) {
    case NACRE_SIM_DESCRIBE_NSM:
        nacre_sim_reply_describe_nsm(writer, &describe);
        return NACRE_SIM_OK;
    case NACRE_SIM_GET_RANDOM:
        return write_random(writer);
    case NACRE_SIM_DESCRIBE_PCR:
    case NACRE_SIM_EXTEND_PCR:
        return use_pcr(&device->pcrs, &job->request, pcr_len, writer);
    case NACRE_SIM_LOCK_PCR:
    case NACRE_SIM_LOCK_PCRS:
        return lock(&device->pcrs, &job->request, writer);
    case NACRE_SIM_ATTESTATION:
        return attest(device, job, pcr_len, writer);
    default:
        return NACRE_SIM_INTERNAL_ERROR;
    }
}

/* Turns a good reply into the one the fault asks for. */
static void damage(const struct nacre_sim_device *device, const struct nacre_sim_job *job,
                   struct nacre_sim_writer *writer, struct nacre_sim_reply *reply)
{
    switch (job->plan.damage) {
    case NACRE_SIM_FAULT_GARBAGE:
        writer->len = 64;
        (void)get_random(writer->data, writer->len);
        writer->data[0] = 0x1c; /* reserved by RFC 8949, section 3: no CBOR item begins so */
        break;
    case NACRE_SIM_FAULT_TRUNCATE:
        writer->len /= 2;
        break;
    case NACRE_SIM_FAULT_CLOSE:
        reply->close = true;
        break;
    case NACRE_SIM_FAULT_WRONG_TYPE:
        writer->len = 0;
        if (job->request.kind == NACRE_SIM_DESCRIBE_NSM) {
            (void)write_random(writer);
        } else {
            struct nacre_sim_describe describe = {.module_id = device->module_id, .pcrs = &device->pcrs};
            nacre_sim_reply_describe_nsm(writer, &describe);
        }
        break;
    default:
        break;
    }
}

void nacre_sim_device_finish(struct nacre_sim_device *device, const struct nacre_sim_job *job,
                             struct nacre_sim_reply *reply)
{
    struct nacre_sim_writer writer = {.data = reply->data, .cap = sizeof(reply->data)};
    enum nacre_sim_error error =
        job->plan.damage == NACRE_SIM_FAULT_ERROR ? job->plan.error : carry_out(device, job, &writer);
    if (error == NACRE_SIM_OK && writer.full)
        error = NACRE_SIM_BUFFER_TOO_SMALL;
    if (error != NACRE_SIM_OK) {
        writer = (struct nacre_sim_writer){.data = reply->data, .cap = sizeof(reply->data)};
        nacre_sim_reply_error(&writer, error);
    }
    reply->close = false;
    damage(device, job, &writer, reply);
    reply->len = writer.len;
}

/* "count REQUEST": how many of them were served; "count *": all. */
static int count(const struct nacre_sim_device *device, const char *name, uint64_t *out)
{
    enum nacre_sim_kind kind = NACRE_SIM_MALFORMED;
    if (strcmp(name, "*") != 0) {
        if (!nacre_sim_kind_find(name, strlen(name), &kind))
            return -EINVAL;
        *out = device->served[kind];
        return 0;
    }
    uint64_t sum = 0;
    for (size_t i = 0; i < NACRE_SIM_KIND_COUNT; i++)
        sum += device->served[i];
    *out = sum;
    return 0;
}

void nacre_sim_device_control(struct nacre_sim_device *device, const char *line, char *out, size_t out_len)
{
    static const char count_word[] = "count ";
    const char *why = "unknown request";
    uint64_t served = 0;
    if (strncmp(line, count_word, sizeof(count_word) - 1) == 0) {
        if (count(device, line + sizeof(count_word) - 1, &served) == 0)
            (void)snprintf(out, out_len, "ok %llu\n", (unsigned long long)served);
        else
            (void)snprintf(out, out_len, "error: %s\n", why);
    } else if (nacre_sim_fault_line(&device->faults, line, &why) == 0) {
        (void)snprintf(out, out_len, "ok\n");
    } else {
        (void)snprintf(out, out_len, "error: %s\n", why);
    }
}

void nacre_sim_device_clear(struct nacre_sim_device *device)
{
    if (device == NULL)
        return;
    nacre_sim_chain_clear(&device->chain);
}
