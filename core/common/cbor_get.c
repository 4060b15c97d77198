#include "cbor_get.h"

#include "reserve.h"

#include <stdlib.h>
#include <string.h>

static void claim_items(void *context, size_t n)
{
    *(size_t *)context = n;
}

static void claim_pairs(void *context, size_t n)
{
    *(size_t *)context = n > SIZE_MAX / 2 ? SIZE_MAX : 2 * n;
}

/*
 * libcbor allocates and clears what an array or a map claims to hold before it has seen any of it, so five
 * bytes can ask for 32 GiB. Every item takes a byte at least: all claims together are at most the length.
 */
static bool claims_fit(const uint8_t *data, size_t len)
{
    struct cbor_callbacks calls = cbor_empty_callbacks;
    calls.array_start = claim_items;
    calls.map_start = claim_pairs;
    for (size_t at = 0, claimed = 0; at < len;) {
        size_t claim = 0;
        struct cbor_decoder_result r = cbor_stream_decode(data + at, len - at, &calls, &claim);
        if (r.status != CBOR_DECODER_FINISHED || r.read == 0 || claim > len - claimed)
            return false;
        at += r.read;
        claimed += claim;
    }
    return true;
}

cbor_item_t *nacre_cbor_load(const uint8_t *data, size_t len)
{
    struct cbor_load_result result;
    void *reserve = claims_fit(data, len) ? nacre_reserve_pinned() : NULL;
    cbor_item_t *item = reserve ? cbor_load(data, len, &result) : NULL;
    free(reserve);
    if (item && result.read != len)
        cbor_decref(&item); /* sets item to NULL */
    return item;
}

cbor_item_t *nacre_cbor_key(const cbor_item_t *item, const char *key)
{
    if (!item || !cbor_isa_map(item))
        return NULL;
    const struct cbor_pair *pairs = cbor_map_handle(item);
    size_t n = cbor_map_size(item), key_len = strlen(key), len;
    cbor_item_t *found = NULL;
    const char *text;
    for (size_t i = 0; i < n; i++) {
        if (!nacre_cbor_text(pairs[i].key, &text, &len) || len != key_len || memcmp(text, key, len) != 0)
            continue;
        if (found)
            return NULL;
        found = pairs[i].value;
    }
    return found;
}

cbor_item_t *nacre_cbor_at(const cbor_item_t *item, size_t i)
{
    if (!item || !cbor_isa_array(item) || i >= cbor_array_size(item))
        return NULL;
    return cbor_array_handle(item)[i];
}

size_t nacre_cbor_count(const cbor_item_t *item)
{
    if (item && cbor_isa_array(item))
        return cbor_array_size(item);
    return item && cbor_isa_map(item) ? cbor_map_size(item) : 0;
}

bool nacre_cbor_u64(const cbor_item_t *item, uint64_t max, uint64_t *out)
{
    if (!item || !cbor_isa_uint(item))
        return false;
    uint64_t v = cbor_get_int(item);
    if (v > max)
        return false;
    *out = v;
    return true;
}

bool nacre_cbor_bool(const cbor_item_t *item, bool *out)
{
    /* cbor_is_bool() aborts the process when it is asked about a number. */
    if (!item || !cbor_isa_float_ctrl(item) || !cbor_float_ctrl_is_ctrl(item) || !cbor_is_bool(item))
        return false;
    *out = cbor_get_bool(item);
    return true;
}

bool nacre_cbor_bytes(const cbor_item_t *item, const uint8_t **data, size_t *len)
{
    if (!item || !cbor_isa_bytestring(item) || !cbor_bytestring_is_definite(item))
        return false;
    *data = cbor_bytestring_handle(item);
    *len = cbor_bytestring_length(item);
    return true;
}

bool nacre_cbor_text(const cbor_item_t *item, const char **text, size_t *len)
{
    if (!item || !cbor_isa_string(item) || !cbor_string_is_definite(item))
        return false;
    *text = (const char *)cbor_string_handle(item);
    *len = cbor_string_length(item);
    return true;
}
