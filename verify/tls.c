/* The key of HTTPS that ends in an enclave, as nacre's user_data names it. */
#include <string.h>

#include "cursor.h"
#include "doc.h"

/* One key of the map with its value; *found is set when it is "tls" and has the form. */
static int entry(struct nacre_vfy_cursor *at, nacre_verify_bytes *found)
{
    struct nacre_vfy_item key;
    struct nacre_vfy_item value;
    int r = nacre_vfy_expect(at, "a key of user_data", NACRE_VFY_TEXT, &key, NULL);
    if (r != NACRE_VERIFY_OK || key.size != 3 || memcmp(key.data, "tls", 3) != 0) {
        return r != NACRE_VERIFY_OK ? r : nacre_vfy_skip(at, "user_data", NULL);
    }
    r = nacre_vfy_expect(at, "tls", NACRE_VFY_BYTES, &value, NULL);
    if (r != NACRE_VERIFY_OK || value.size != NACRE_VERIFY_TLS_KEY_SIZE || found->data != NULL) {
        return NACRE_VERIFY_REFUSED;
    }
    *found = (nacre_verify_bytes){.data = value.data, .size = value.size};
    return NACRE_VERIFY_OK;
}

nacre_verify_bytes nacre_verify_doc_tls_key(const nacre_verify_doc *doc)
{
    const nacre_verify_bytes none = {0};
    nacre_verify_bytes found = {0};
    struct nacre_vfy_cursor at;
    struct nacre_vfy_item map;
    bool more = false;
    if (doc->user_data.data == NULL) {
        return none;
    }
    nacre_vfy_cursor_init(&at, doc->user_data.data, doc->user_data.size);
    if (nacre_vfy_expect(&at, "user_data", NACRE_VFY_MAP, &map, NULL) != NACRE_VERIFY_OK) {
        return none;
    }
    for (;;) {
        if (nacre_vfy_more(&at, &map, &more, NULL) != NACRE_VERIFY_OK) {
            return none;
        }
        if (!more) {
            return at.left == 0 ? found : none;
        }
        if (entry(&at, &found) != NACRE_VERIFY_OK) {
            return none;
        }
    }
}
