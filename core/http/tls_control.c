#include "tls_control.h"

#include "common/log.h"
#include "tls.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>

int nacre_tls_begin(struct nacre_control *c, const struct nacre_init_frame *init, char *why, size_t why_len)
{
    const struct nacre_manifest *m = c->shared.manifest;
    const char *name = m->config.http_tls_name[0] ? m->config.http_tls_name : m->app;
    struct nacre_tls_frame made = {.head.type = NACRE_FRAME_TLS};
    uint8_t blob[NACRE_TLS_BLOB];
    if (!nacre_config_tls(&m->config)) {
        nacre_log_event(NACRE_LEVEL_INFO, "plain HTTP: the parent instance can read and change requests");
        return 0;
    }
    c->shared.tls = nacre_tls_new(init->tls_form, c->inbox.payload, c->inbox.payload_len, name, why, why_len);
    if (!c->shared.tls)
        return -EINVAL;
    if (init->tls_form != NACRE_TLS_NONE)
        return 0;
    nacre_tls_key(c->shared.tls, made.key);
    int len = nacre_tls_export(c->shared.tls, blob);
    int err =
        len < 0 ? len : nacre_frame_send(c->shared.control_fd, &made, blob, (size_t)len, NULL, 0, NULL, 0);
    sodium_memzero(blob, sizeof blob);
    if (err)
        (void)snprintf(why, why_len, "the TLS key cannot be given away: %s", strerror(-err));
    return err;
}

void nacre_tls_came(struct nacre_control *c)
{
    const struct nacre_tls_frame *f = (const void *)c->inbox.head;
    char why[256] = "plain HTTP is spoken";
    if (!c->shared.tls ||
        nacre_tls_take(c->shared.tls, f->key, c->inbox.payload, c->inbox.payload_len, why, sizeof why) < 0) {
        nacre_log_event(NACRE_LEVEL_ERROR, "the operator's certificate is not used", NLS("reason", why));
        return;
    }
    nacre_shared_drop_document(&c->shared);
    c->owes_word = true;
    nacre_tls_say(c);
}

void nacre_tls_say(struct nacre_control *c)
{
    struct nacre_tls_frame used = {.head.type = NACRE_FRAME_TLS};
    if (!c->owes_word)
        return;
    nacre_tls_key(c->shared.tls, used.key);
    int err = nacre_frame_send(c->shared.control_fd, &used, NULL, 0, NULL, 0, NULL, 0);
    c->owes_word = err == -EAGAIN; /* full of what clients ask for */
    if (err && !c->owes_word)
        nacre_log_event(NACRE_LEVEL_ERROR, "word of the new certificate is lost", NLS("err", strerror(-err)));
}
