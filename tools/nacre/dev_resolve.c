#include "dev_resolve.h"

#include <common/frame.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a lookup found, as it comes through its pipe. */
struct found {
    int error; /* 0 or EAI_* */
    int family;
    char host[INET6_ADDRSTRLEN];
};

/* A process of its own: the resolver can neither be told to hurry nor be stopped, but a process can. */
struct lookup {
    uint32_t entry; /* of the allow list */
    pid_t pid;
    int fd;
    struct found found;
};

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

bool nacre_dev_names(const char *host, const char *mapping)
{
    size_t len = strlen(host);
    return strncmp(mapping, host, len) == 0 && (mapping[len] == '=' || mapping[len] == ':');
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

static _Noreturn void look_up(const char *host, int fd, pid_t parent)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *list = NULL;
    struct found found = {.error = EAI_SYSTEM};
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        _exit(1);
    found.error = getaddrinfo(host, NULL, &hints, &list);
    if (found.error == 0) {
        found.family = list->ai_family;
        found.error = getnameinfo(list->ai_addr, list->ai_addrlen, found.host, sizeof found.host, NULL, 0,
                                  NI_NUMERICHOST);
        freeaddrinfo(list);
    }
    _exit(write(fd, &found, sizeof found) == (ssize_t)sizeof found ? 0 : 1);
}

static void start(struct lookup *l, const char *host)
{
    int ends[2] = {-1, -1};
    l->pid = -1;
    l->fd = -1;
    l->found = (struct found){.error = EAI_SYSTEM};
    if (pipe2(ends, O_CLOEXEC) < 0)
        return;
    pid_t parent = getpid();
    l->pid = fork();
    if (l->pid == 0)
        look_up(host, ends[1], parent);
    (void)close(ends[1]);
    l->fd = ends[0];
    l->found.error = EAI_INPROGRESS;
}

/* Reads the answers that are there. False when none can come any more. */
static bool collect(struct lookup *lookups, size_t n, int timeout_ms)
{
    struct pollfd polled[NACRE_ENDPOINTS_MAX];
    size_t open = 0;
    for (size_t i = 0; i < n; i++) {
        polled[i] = (struct pollfd){.fd = lookups[i].fd, .events = POLLIN};
        open += lookups[i].fd >= 0;
    }
    if (open == 0 || (poll(polled, n, timeout_ms) < 0 && errno != EINTR))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (lookups[i].fd < 0 || !polled[i].revents)
            continue;
        struct found found;
        bool whole = read(lookups[i].fd, &found, sizeof found) == (ssize_t)sizeof found;
        lookups[i].found = whole ? found : (struct found){.error = EAI_SYSTEM};
        (void)close(lookups[i].fd);
        lookups[i].fd = -1;
    }
    return true;
}

static void end(struct lookup *l)
{
    if (l->fd >= 0)
        (void)close(l->fd);
    if (l->pid <= 0)
        return;
    (void)kill(l->pid, SIGKILL);
    while (waitpid(l->pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

static void store(struct nacre_allow *allow, const struct lookup *l)
{
    const char *name = allow->hosts[l->entry], *reason = NULL;
    struct nacre_netaddr address = {.family = l->found.family,
                                    .port = (uint16_t)allow->entries[l->entry].port};
    if (l->found.error)
        reason = l->found.error == EAI_INPROGRESS ? "no answer in time" : gai_strerror(l->found.error);
    else if (strchr(l->found.host, '%'))
        reason = "an address of one network only";
    if (reason) {
        (void)fprintf(
            stderr,
            "nacre dev: warning: %s cannot be reached: DNS says: %s; --upstream %s=ADDR:PORT maps it\n", name,
            reason, name);
        (void)snprintf(allow->connects[l->entry], sizeof allow->connects[0], "none");
        return;
    }
    memcpy(address.host, l->found.host, sizeof address.host);
    nacre_netaddr_format(allow->connects[l->entry], &address);
}

void nacre_dev_resolve(struct nacre_allow *allow, int timeout_ms)
{
    struct lookup lookups[NACRE_ENDPOINTS_MAX];
    uint64_t deadline = nacre_monotonic_ns() + (uint64_t)timeout_ms * 1000000u, now;
    size_t n = 0;
    for (uint32_t i = 0; i < allow->n; i++) {
        if (allow->connects[i][0])
            continue;
        lookups[n].entry = i;
        start(&lookups[n++], allow->hosts[i]);
    }
    while ((now = nacre_monotonic_ns()) < deadline) {
        if (!collect(lookups, n, (int)((deadline - now) / 1000000u) + 1))
            break;
    }
    for (size_t i = 0; i < n; i++) {
        end(&lookups[i]);
        store(allow, &lookups[i]);
    }
}
