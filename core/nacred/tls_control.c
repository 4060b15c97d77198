/* tls_control.c - what nacred and nacre-http say to each other about keys of TLS. */
#include "core.h"

#include "common/log.h"

#include <string.h>

void nacre_send_tls(struct nacre_core *c)
{
    struct nacre_tls_frame f = {.head.type = NACRE_FRAME_TLS};
    if (!c->tls.operators || c->tls.form == NACRE_TLS_OPERATOR)
        return;
    memcpy(f.key, c->tls.operators_key, sizeof f.key);
    nacre_must_send(&c->http, &f, c->tls.operators, c->tls.operators_len, NULL, 0);
}

/* The key that the first nacre-http made, or word that the operator's is in use now. */
bool nacre_tls_said(struct nacre_core *c, const struct nacre_tls_frame *f)
{
    char key[2 * NACRE_TLS_KEY + 1];
    if (!nacre_config_tls(&c->manifest.config))
        return false;
    if (c->inbox.payload_len > 0
            ? nacre_tls_keep(&c->tls, f->key, c->inbox.payload, c->inbox.payload_len) != 0
            : !nacre_tls_accepted(&c->tls, f->key))
        return false;
    nacre_hex(key, f->key, NACRE_TLS_KEY);
    nacre_log_event(NACRE_LEVEL_INFO, "https", NLS("certificate", nacre_tls_form_name(c->tls.form)),
                    NLS("key", key));
    nacre_attest_anew(c);
    nacre_send_state(c);
    return true;
}

/* A certificate that came with the secrets is nacre-http's to judge. */
void nacre_tls_came(struct nacre_core *c)
{
    const struct nacre_secrets *s = &c->secrets;
    if (!nacre_config_tls_operator(&c->manifest.config))
        return;
    if (s->tls_len == 0)
        nacre_log_event(NACRE_LEVEL_WARN, "no certificate came with the secrets, the self-signed one stays");
    else if (nacre_tls_offer(&c->tls, s->tls_key, s->tls, s->tls_len) == 0)
        nacre_send_tls(c);
}
