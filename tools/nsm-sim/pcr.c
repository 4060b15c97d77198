#include "pcr.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

/* SHA384(a || b) into out. */
static int sha384(const void *a, size_t a_len, const void *b, size_t b_len, uint8_t out[NACRE_SIM_PCR_LEN])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned len = 0;
    int ok = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha384(), NULL) == 1 &&
             EVP_DigestUpdate(ctx, a, a_len) == 1 && (b_len == 0 || EVP_DigestUpdate(ctx, b, b_len) == 1) &&
             EVP_DigestFinal_ex(ctx, out, &len) == 1;
    EVP_MD_CTX_free(ctx);
    return ok && len == NACRE_SIM_PCR_LEN ? 0 : -EIO;
}

static int boot_values(struct nacre_sim_pcrs *pcrs, const char *module_id, bool debug)
{
    for (unsigned i = 0; i < 3 && !debug; i++) {
        char text[sizeof(NACRE_SIM_PCR_TEXT) + 1];
        int len = snprintf(text, sizeof(text), "%s%u", NACRE_SIM_PCR_TEXT, i);
        if (sha384(text, (size_t)len, NULL, 0, pcrs->bank[i].value) < 0)
            return -EIO;
    }
    const uint8_t zero[NACRE_SIM_PCR_LEN] = {0};
    const char *enclave = strstr(module_id, "-enc");
    size_t instance_len = enclave != NULL ? (size_t)(enclave - module_id) : strlen(module_id);
    return sha384(zero, sizeof(zero), module_id, instance_len, pcrs->bank[4].value);
}

int nacre_sim_pcrs_init(struct nacre_sim_pcrs *pcrs, const char *module_id, bool debug)
{
    memset(pcrs, 0, sizeof(*pcrs));
    for (unsigned i = 0; i < NACRE_SIM_PCR_BOOT; i++)
        pcrs->bank[i].locked = true;
    return boot_values(pcrs, module_id, debug);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int nacre_sim_pcrs_set_boot(struct nacre_sim_pcrs *pcrs, unsigned index, const char *hex)
{
    uint8_t value[NACRE_SIM_PCR_LEN];
    if (index >= NACRE_SIM_PCR_BOOT || strlen(hex) != 2 * sizeof(value))
        return -EINVAL;
    for (size_t i = 0; i < sizeof(value); i++) {
        int high = hex_digit(hex[2 * i]);
        int low = hex_digit(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return -EINVAL;
        value[i] = (uint8_t)(high * 16 + low);
    }
    memcpy(pcrs->bank[index].value, value, sizeof(value));
    return 0;
}

enum nacre_sim_error nacre_sim_pcrs_extend(struct nacre_sim_pcrs *pcrs, unsigned index, const uint8_t *data,
                                           size_t len)
{
    if (index >= NACRE_SIM_PCR_COUNT)
        return NACRE_SIM_INVALID_INDEX;
    struct nacre_sim_pcr *pcr = &pcrs->bank[index];
    if (pcr->locked)
        return NACRE_SIM_READ_ONLY_INDEX;
    uint8_t value[NACRE_SIM_PCR_LEN];
    if (sha384(pcr->value, sizeof(pcr->value), data, len, value) < 0)
        return NACRE_SIM_INTERNAL_ERROR;
    memcpy(pcr->value, value, sizeof(value));
    return NACRE_SIM_OK;
}

enum nacre_sim_error nacre_sim_pcrs_lock(struct nacre_sim_pcrs *pcrs, unsigned index)
{
    if (index >= NACRE_SIM_PCR_COUNT)
        return NACRE_SIM_INVALID_INDEX;
    if (pcrs->bank[index].locked)
        return NACRE_SIM_READ_ONLY_INDEX;
    pcrs->bank[index].locked = true;
    return NACRE_SIM_OK;
}

enum nacre_sim_error nacre_sim_pcrs_lock_range(struct nacre_sim_pcrs *pcrs, unsigned range)
{
    if (range > NACRE_SIM_PCR_COUNT)
        return NACRE_SIM_INVALID_INDEX;
    for (unsigned i = 0; i < range; i++)
        pcrs->bank[i].locked = true;
    return NACRE_SIM_OK;
}

unsigned nacre_sim_pcrs_locked(const struct nacre_sim_pcrs *pcrs)
{
    unsigned count = 0;
    for (unsigned i = 0; i < NACRE_SIM_PCR_COUNT; i++)
        count += pcrs->bank[i].locked ? 1 : 0;
    return count;
}
