#include "enclaves.h"

static bool takes_connections(const struct nacre_hd_enclave *e)
{
    return !e->removed && !e->config.drain && e->health != NACRE_HD_UNHEALTHY;
}

/* Is `a` a better choice than `b`? */
static bool better(const struct nacre_hd_enclave *a, const struct nacre_hd_enclave *b)
{
    if (!b || a->health != b->health)
        return !b || a->health == NACRE_HD_HEALTHY;
    return a->connections < b->connections;
}

struct nacre_hd_enclave *nacre_hd_choose(struct nacre_hd_enclave *list, const struct nacre_hd_enclave *except,
                                         uint32_t *turn)
{
    struct nacre_hd_enclave *best = NULL, *spare = NULL;
    uint32_t n = 0;
    for (struct nacre_hd_enclave *e = list; e; e = e->next)
        n++;
    /* Twice round the list, from another place each time, so that equals take turns. */
    uint32_t skip = n ? (*turn)++ % n : 0;
    for (uint32_t round = 0; round < 2; round++) {
        uint32_t at = 0;
        for (struct nacre_hd_enclave *e = list; e; e = e->next, at++) {
            if (round == 0 ? at < skip : at >= skip)
                continue;
            if (!takes_connections(e))
                continue;
            if (e == except)
                spare = e;
            else if (better(e, best))
                best = e;
        }
    }
    return best ? best : spare;
}

bool nacre_hd_judge(struct nacre_hd_enclave *e, bool ok, uint64_t fall, uint64_t rise)
{
    enum nacre_hd_health before = e->health;
    e->good = ok ? e->good + (e->good < UINT32_MAX) : 0;
    e->bad = ok ? 0 : e->bad + (e->bad < UINT32_MAX);
    if (ok && e->good >= rise)
        e->health = NACRE_HD_HEALTHY;
    else if (!ok && e->bad >= fall)
        e->health = NACRE_HD_UNHEALTHY;
    return e->health != before;
}

const char *nacre_hd_health_name(enum nacre_hd_health health)
{
    return health == NACRE_HD_HEALTHY ? "healthy" : health == NACRE_HD_UNHEALTHY ? "unhealthy" : "unknown";
}
