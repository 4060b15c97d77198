#include "unseal.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* "WHAT is A, TEXT B". All of these are public. */
static bool differ(const uint8_t *found, const uint8_t *expected, size_t len, const char *what,
                   const char *text, char why[NACRE_SEALED_WHY])
{
    char a[NACRE_SHA384_HEX], b[NACRE_SHA384_HEX];
    if (sodium_memcmp(found, expected, len) == 0)
        return false;
    nacre_hex(a, found, len);
    nacre_hex(b, expected, len);
    (void)snprintf(why, NACRE_SEALED_WHY, "%s %s, %s %s", what, a, text, b);
    return true;
}

static bool signed_by_operator(const struct nacre_sealed *s, const struct nacre_unseal_terms *terms,
                               const uint8_t *blob, char why[NACRE_SEALED_WHY])
{
    if (!terms->operator_key || !terms->keys) {
        (void)snprintf(why, NACRE_SEALED_WHY, "%s",
                       terms->keys ? "it is sealed, and secrets.operator_key names nobody who may do that"
                                   : "it is sealed, and there is no key yet to seal to");
        return false;
    }
    if (differ(s->operator_key, terms->operator_key, 32, "signed by operator", "secrets.operator_key is",
               why))
        return false;
    if (crypto_sign_verify_detached(s->signature, blob, s->signed_len, terms->operator_key) == 0)
        return true;
    (void)snprintf(why, NACRE_SEALED_WHY, "the operator's signature does not fit the blob");
    return false;
}

static bool is_for_us(const struct nacre_sealed *s, const struct nacre_unseal_terms *terms,
                      char why[NACRE_SEALED_WHY])
{
    if (s->app_len != strlen(terms->app) || memcmp(s->app, terms->app, s->app_len) != 0) {
        (void)snprintf(why, NACRE_SEALED_WHY, "sealed for the app '%.*s', this is '%.64s'",
                       (int)(s->app_len < 64 ? s->app_len : 64), s->app, terms->app);
        return false;
    }
    return !differ(s->config, terms->config, NACRE_SHA384_LEN, "sealed for the configuration", "this is",
                   why) &&
           !differ(s->enclave_key, terms->keys->secrets_public, 32, "sealed to the key",
                   "this enclave's secrets_key is", why);
}

int nacre_unseal(uint8_t *out, const struct nacre_unseal_terms *terms, const uint8_t *blob, size_t len,
                 char why[NACRE_SEALED_WHY])
{
    struct nacre_sealed s;
    if (nacre_sealed_parse(&s, blob, len, why) < 0 || !signed_by_operator(&s, terms, blob, why) ||
        !is_for_us(&s, terms, why)) {
        sodium_memzero(out, NACRE_SECRETS_BLOB);
        return -EBADMSG;
    }
    if (crypto_box_seal_open(out, s.box, s.box_len, terms->keys->secrets_public,
                             terms->keys->secrets_secret) == 0)
        return (int)(s.box_len - NACRE_SEALED_BOX);
    sodium_memzero(out, NACRE_SECRETS_BLOB);
    (void)snprintf(why, NACRE_SEALED_WHY, "the operator signed a box that this enclave's key does not open");
    return -EBADMSG;
}
