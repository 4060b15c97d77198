/*
 * constant-mhd ADDR:PORT BYTES: libmicrohttpd answering every request with the same BYTES bytes, a thread a CPU, each with
 * an epoll set of its own: what nacre's HTTP side would cost if it had nothing to do. A peer of `make bench`.
 */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct MHD_Response *response;

static enum MHD_Result answer(void *cls, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data, size_t *size,
                              void **state)
{
    static int seen;
    (void)cls, (void)url, (void)method, (void)version, (void)data;
    if (!*state) { /* the head */
        *state = &seen;
        return MHD_YES;
    }
    if (*size) { /* some of the body: read and forgotten */
        *size = 0;
        return MHD_YES;
    }
    return MHD_queue_response(connection, MHD_HTTP_OK, response);
}

static int listening(const char *address)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    char host[64];
    const char *colon = strrchr(address, ':');
    const int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (!colon || fd < 0)
        return -1;
    (void)snprintf(host, sizeof host, "%.*s", (int)(colon - address), address);
    at.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (inet_pton(AF_INET, host, &at.sin_addr) != 1 || bind(fd, (struct sockaddr *)(void *)&at, sizeof at) ||
        listen(fd, 4096))
        return -1;
    return fd;
}

int main(int argc, char **argv)
{
    cpu_set_t cpus;
    if (argc != 3 || sched_getaffinity(0, sizeof cpus, &cpus))
        return 2;
    size_t size = strtoul(argv[2], NULL, 10);
    char *body = malloc(size + 1);
    int fd = listening(argv[1]);
    if (!body || fd < 0) {
        perror(argv[1]);
        free(body);
        return 1;
    }
    memset(body, 'x', size);
    response = MHD_create_response_from_buffer(size, body, MHD_RESPMEM_MUST_FREE);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
    struct MHD_Daemon *daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, answer, NULL,
                                                 MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_THREAD_POOL_SIZE,
                                                 (unsigned)(CPU_COUNT(&cpus) > 1 ? CPU_COUNT(&cpus) : 0),
                                                 MHD_OPTION_CONNECTION_LIMIT, 4096u, MHD_OPTION_END);
    if (!daemon)
        return 1;
    for (;;)
        (void)pause();
}
