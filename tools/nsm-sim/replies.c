#include "requests.h"

void nacre_sim_reply_error(struct nacre_sim_writer *writer, enum nacre_sim_error error)
{
    nacre_sim_put_map(writer, 1);
    nacre_sim_put_text(writer, "Error");
    nacre_sim_put_text(writer, nacre_sim_error_name(error));
}

static void put_number(struct nacre_sim_writer *writer, const char *name, uint64_t value)
{
    nacre_sim_put_text(writer, name);
    nacre_sim_put_uint(writer, value);
}

void nacre_sim_reply_describe_nsm(struct nacre_sim_writer *writer, const struct nacre_sim_describe *describe)
{
    nacre_sim_put_map(writer, 1);
    nacre_sim_put_text(writer, "DescribeNSM");
    nacre_sim_put_map(writer, 7);
    put_number(writer, "version_major", 1);
    put_number(writer, "version_minor", 0);
    put_number(writer, "version_patch", 0);
    nacre_sim_put_text(writer, "module_id");
    nacre_sim_put_text(writer, describe->module_id);
    put_number(writer, "max_pcrs", NACRE_SIM_PCR_COUNT);
    nacre_sim_put_text(writer, "locked_pcrs");
    nacre_sim_put_array(writer, nacre_sim_pcrs_locked(describe->pcrs));
    for (unsigned i = 0; i < NACRE_SIM_PCR_COUNT; i++) {
        if (describe->pcrs->bank[i].locked)
            nacre_sim_put_uint(writer, i);
    }
    nacre_sim_put_text(writer, "digest");
    nacre_sim_put_text(writer, "SHA384");
}

void nacre_sim_reply_describe_pcr(struct nacre_sim_writer *writer, const struct nacre_sim_pcr *pcr,
                                  size_t pcr_len)
{
    nacre_sim_put_map(writer, 1);
    nacre_sim_put_text(writer, "DescribePCR");
    nacre_sim_put_map(writer, 2);
    nacre_sim_put_text(writer, "lock");
    nacre_sim_put_bool(writer, pcr->locked);
    nacre_sim_put_text(writer, "data");
    nacre_sim_put_bytes(writer, pcr->value, pcr_len);
}

/* {NAME: {FIELD: bytes}}, the shape of three replies. */
static void put_single(struct nacre_sim_writer *writer, const char *name, const char *field,
                       const uint8_t *data, size_t len)
{
    nacre_sim_put_map(writer, 1);
    nacre_sim_put_text(writer, name);
    nacre_sim_put_map(writer, 1);
    nacre_sim_put_text(writer, field);
    nacre_sim_put_bytes(writer, data, len);
}

void nacre_sim_reply_extend_pcr(struct nacre_sim_writer *writer, const struct nacre_sim_pcr *pcr,
                                size_t pcr_len)
{
    put_single(writer, "ExtendPCR", "data", pcr->value, pcr_len);
}

void nacre_sim_reply_random(struct nacre_sim_writer *writer, const uint8_t random[NACRE_SIM_RANDOM_LEN])
{
    put_single(writer, "GetRandom", "random", random, NACRE_SIM_RANDOM_LEN);
}

void nacre_sim_reply_document(struct nacre_sim_writer *writer, const uint8_t *document, size_t len)
{
    put_single(writer, "Attestation", "document", document, len);
}
