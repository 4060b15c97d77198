#include "service.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECTIONS 64u
#define TIMEOUT_S   30u

bool service_number(const char *text, long most, long *out)
{
    char *end = NULL;
    errno = 0;
    *out = strtol(text, &end, 10);
    return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' && *out <= most;
}

bool service_address(const char *text, struct sockaddr_in *out)
{
    char host[INET_ADDRSTRLEN];
    const char *colon = strrchr(text, ':');
    long port = 0;
    if (!colon || (size_t)(colon - text) >= sizeof host || !service_number(colon + 1, 65535, &port))
        return false;
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    *out = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    return inet_pton(AF_INET, host, &out->sin_addr) == 1;
}

void service_signals(sigset_t *set)
{
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGINT);
    (void)sigaddset(set, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

static bool write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "we");
    if (!f)
        return false;
    bool good = fputs(text, f) != EOF;
    return fclose(f) == 0 && good;
}

struct MHD_Daemon *service_start(int *port, const struct sockaddr_in *address, const char *ca_out,
                                 const struct certificate *certificate, unsigned flags,
                                 MHD_AccessHandlerCallback on_request,
                                 MHD_RequestCompletedCallback on_completed, void *cls)
{
    if (!write_file(ca_out, certificate->ca))
        return NULL;
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL | MHD_USE_TLS | flags, 0, NULL, NULL,
                         on_request, cls, MHD_OPTION_SOCK_ADDR, address, MHD_OPTION_HTTPS_MEM_CERT,
                         certificate->chain, MHD_OPTION_HTTPS_MEM_KEY, certificate->key,
                         MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, TIMEOUT_S,
                         MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_END);
    const union MHD_DaemonInfo *info = daemon ? MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT) : NULL;
    if (info) {
        *port = info->port;
        return daemon;
    }
    if (daemon)
        MHD_stop_daemon(daemon);
    return NULL;
}

bool service_wait(int ready_fd, const char *line, const sigset_t *signals)
{
    int got = 0;
    if (dprintf(ready_fd, "%s", line) < 0)
        return false;
    if (ready_fd > STDERR_FILENO)
        (void)close(ready_fd);
    (void)sigwait(signals, &got);
    return true;
}
