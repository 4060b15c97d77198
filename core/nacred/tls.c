#include "tls.h"

#include "key.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

static int take(uint8_t **to, size_t *to_len, uint8_t to_key[NACRE_TLS_KEY], const uint8_t key[NACRE_TLS_KEY],
                const uint8_t *blob, size_t len)
{
    if (*to)
        return -EEXIST;
    if (len == 0 || len > NACRE_TLS_BLOB)
        return -EMSGSIZE;
    *to = nacre_guarded_alloc(len);
    if (!*to)
        return -ENOMEM;
    memcpy(*to, blob, len);
    *to_len = len;
    memcpy(to_key, key, NACRE_TLS_KEY);
    (void)sodium_mprotect_readonly(*to);
    return 0;
}

int nacre_tls_keep(struct nacre_tls *t, const uint8_t key[NACRE_TLS_KEY], const uint8_t *blob, size_t len)
{
    /* after the operator's there is none of ours to begin with */
    int err = t->form != NACRE_TLS_NONE ? -EEXIST : take(&t->own, &t->own_len, t->own_key, key, blob, len);
    if (!err)
        t->form = NACRE_TLS_SELF_SIGNED;
    return err;
}

int nacre_tls_offer(struct nacre_tls *t, const uint8_t key[NACRE_TLS_KEY], const uint8_t *blob, size_t len)
{
    return take(&t->operators, &t->operators_len, t->operators_key, key, blob, len);
}

bool nacre_tls_accepted(struct nacre_tls *t, const uint8_t key[NACRE_TLS_KEY])
{
    if (!t->operators || t->form == NACRE_TLS_OPERATOR ||
        sodium_memcmp(key, t->operators_key, NACRE_TLS_KEY) != 0)
        return false;
    t->form = NACRE_TLS_OPERATOR;
    return true;
}

const uint8_t *nacre_tls_attested(const struct nacre_tls *t)
{
    return t->form == NACRE_TLS_OPERATOR      ? t->operators_key
           : t->form == NACRE_TLS_SELF_SIGNED ? t->own_key
                                              : NULL;
}

bool nacre_tls_current(const struct nacre_tls *t, const uint8_t **blob, size_t *len)
{
    bool operators = t->form == NACRE_TLS_OPERATOR;
    *blob = operators ? t->operators : t->own;
    *len = operators ? t->operators_len : t->own_len;
    return *blob != NULL;
}

void nacre_tls_close(struct nacre_tls *t)
{
    nacre_guarded_free(t->own);
    nacre_guarded_free(t->operators);
    *t = (struct nacre_tls){0};
}
