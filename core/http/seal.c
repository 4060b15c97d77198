#include "seal.h"

#include <sodium.h>
#include <stdlib.h>

uint64_t nacre_conn_max_body(const struct nacre_conn *conn)
{
    const uint64_t most = NACRE_PAYLOAD_MAX - NACRE_PARAMS_ROOM;
    const uint64_t max = nacre_max_body(conn->lane->shared, conn->path->index);
    const uint64_t size = conn->sealed ? nacre_sc_request_size((size_t)max) : max;
    return size < most ? size : most;
}

void nacre_pass_begin(struct nacre_conn *conn, const char *path, size_t len)
{
    const struct nacre_manifest *m = conn->lane->shared->manifest;
    struct nacre_sealed_pass pass = {0};
    nacre_sc_target(pass.target, m->app, m->routes[conn->path->index].method, path, len);
    memcpy(conn->params, &pass, sizeof pass);
    conn->params_len = sizeof pass;
}

bool nacre_pass_end(const struct nacre_shared *shared, uint8_t *params, const struct nacre_ticket *ticket,
                    const uint8_t *envelope, size_t len)
{
    struct nacre_sealed_pass pass;
    if (len < NACRE_SC_HEADER)
        return false;
    memcpy(&pass, params, sizeof pass);
    nacre_pass_seal(&pass, ticket, envelope, shared->ticket_key);
    memcpy(params, &pass, sizeof pass);
    return true;
}

void nacre_seal_out(struct nacre_lane *lane, const uint8_t key[32], uint32_t status)
{
    struct nacre_json_out plain = lane->out, sealed = {0};
    if (plain.failed)
        return;
    const size_t size = nacre_sc_answer_size(plain.len);
    if (nacre_json_reserve(&sealed, size)) {
        nacre_sc_seal_answer((uint8_t *)sealed.base, key, status, plain.base, plain.len);
        sealed.len = size;
    }
    if (plain.len)
        sodium_memzero(plain.base, plain.len);
    free(plain.base);
    lane->out = sealed;
}
