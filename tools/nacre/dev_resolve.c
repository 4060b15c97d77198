#include "dev_resolve.h"

#include <common/frame.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Static: a lookup that was given up may still write here. */
static struct gaicb requests[NACRE_ENDPOINTS_MAX];
static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};

static int refuse_unlisted(const struct nacre_allow *allow, const char *name, size_t len, char *why,
                           size_t why_len)
{
    char list[512] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < allow->n && used < sizeof list; i++) {
        int n = snprintf(list + used, sizeof list - used, "%s%s:%u", i ? ", " : "", allow->hosts[i],
                         allow->entries[i].port);
        used += n > 0 ? (size_t)n : 0;
    }
    (void)snprintf(why, why_len, "--upstream: '%.*s' is not on the allow list, which has %s", (int)len, name,
                   allow->n ? list : "no entry");
    return -EINVAL;
}

int nacre_dev_map(struct nacre_allow *allow, const char *mapping, char *why, size_t why_len)
{
    struct nacre_netaddr address;
    uint64_t port = 0;
    const char *equals = strchr(mapping, '=');
    size_t len = equals ? (size_t)(equals - mapping) : 0;
    const char *colon = len ? memchr(mapping, ':', len) : NULL;
    size_t host_len = colon ? (size_t)(colon - mapping) : len;
    if (host_len == 0 || nacre_netaddr_parse(&address, equals + 1) || address.port == 0 ||
        (colon && nacre_number_parse(&port, colon + 1, len - host_len - 1, 65535))) {
        (void)snprintf(why, why_len,
                       "--upstream: '%.160s' is not HOST[:PORT]=ADDR:PORT with a numeric address", mapping);
        return -EINVAL;
    }
    bool found = false;
    for (uint32_t i = 0; i < allow->n; i++) {
        if (strlen(allow->hosts[i]) != host_len || memcmp(allow->hosts[i], mapping, host_len) != 0 ||
            (colon && allow->entries[i].port != port))
            continue;
        nacre_netaddr_format(allow->connects[i], &address);
        found = true;
    }
    return found ? 0 : refuse_unlisted(allow, mapping, len, why, why_len);
}

static void wait_for_all(struct gaicb **pending, int n, uint64_t deadline_ns)
{
    for (;;) {
        uint64_t now = nacre_monotonic_ns();
        uint64_t left = now < deadline_ns ? deadline_ns - now : 0;
        const struct timespec wait = {(time_t)(left / 1000000000u), (long)(left % 1000000000u)};
        if (left == 0 || gai_suspend((const struct gaicb *const *)pending, n, &wait) == EAI_ALLDONE)
            return;
    }
}

static void store(struct nacre_allow *allow, uint32_t i, const struct gaicb *request)
{
    int error = gai_error((struct gaicb *)(uintptr_t)request);
    const struct addrinfo *found = error ? NULL : request->ar_result;
    struct nacre_netaddr address = {.port = (uint16_t)allow->entries[i].port};
    if (found)
        error = getnameinfo(found->ai_addr, found->ai_addrlen, address.host, sizeof address.host, NULL, 0,
                            NI_NUMERICHOST);
    if (error || !found || strchr(address.host, '%')) {
        const char *reason = error == EAI_INPROGRESS ? "no answer in time" : gai_strerror(error);
        (void)fprintf(
            stderr,
            "nacre dev: warning: %s cannot be reached: DNS says: %s; --upstream %s=ADDR:PORT maps it\n",
            allow->hosts[i], error ? reason : "no usable address", allow->hosts[i]);
        (void)snprintf(allow->connects[i], sizeof allow->connects[i], "none");
        return;
    }
    address.family = found->ai_family;
    nacre_netaddr_format(allow->connects[i], &address);
}

void nacre_dev_resolve(struct nacre_allow *allow, int timeout_ms)
{
    struct gaicb *pending[NACRE_ENDPOINTS_MAX];
    uint32_t places[NACRE_ENDPOINTS_MAX];
    int n = 0;
    for (uint32_t i = 0; i < allow->n; i++) {
        if (allow->connects[i][0])
            continue;
        requests[n] = (struct gaicb){.ar_name = allow->hosts[i], .ar_request = &hints};
        pending[n] = &requests[n];
        places[n++] = i;
    }
    if (n == 0)
        return;
    (void)getaddrinfo_a(GAI_NOWAIT, pending, n, NULL);
    wait_for_all(pending, n, nacre_monotonic_ns() + (uint64_t)timeout_ms * 1000000u);
    for (int k = 0; k < n; k++) {
        store(allow, places[k], &requests[k]);
        if (gai_error(&requests[k]) == EAI_INPROGRESS)
            (void)gai_cancel(&requests[k]);
        else if (requests[k].ar_result)
            freeaddrinfo(requests[k].ar_result);
    }
}
