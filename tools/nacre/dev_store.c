#include "dev_store.h"

#include "file.h"
#include "netaddr.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define READY_MS 10000
#define STOP_MS  3000

static int await(struct nacre_dev_child *child)
{
    int rc = 0;
    for (int waited = 0; rc == 0 && waited < READY_MS; waited += 100) {
        struct pollfd p = {child->ready_fd, POLLIN, 0};
        if (poll(&p, 1, 100) > 0)
            rc = nacre_dev_child_read(child);
    }
    return rc == 1 ? 0 : rc < 0 ? rc : -ETIMEDOUT;
}

int nacre_dev_store_start(struct nacre_dev_store *store, const char *listen, const struct nacre_dev_dir *dir,
                          char *why, size_t why_len)
{
    char program[PATH_MAX], bin[PATH_MAX];
    struct nacre_netaddr address;
    uint64_t port = 0;
    *store = (struct nacre_dev_store){.child = {.ready_fd = -1}};
    if (nacre_netaddr_parse(&address, listen) || address.family != AF_INET) {
        (void)snprintf(why, why_len, "--blob-store: '%.100s' is not ADDR:PORT with an IPv4 address", listen);
        return -EINVAL;
    }
    if (nacre_file_own_dir(bin, sizeof bin) ||
        nacre_file_join(program, sizeof program, bin, "nacre-blobstore") ||
        nacre_file_join(store->ca, sizeof store->ca, dir->path, "store-ca.pem"))
        return nacre_file_error(dir->path, "cannot be used", ENAMETOOLONG, why, why_len);
    const char *const argv[] = {program,      "--listen",         listen, "--ca-out", store->ca,
                                "--ready-fd", NACRE_DEV_READY_FD, NULL};
    int rc = nacre_dev_child_start(&store->child, "nacre-blobstore", argv, why, why_len);
    if (rc)
        return rc;
    rc = await(&store->child);
    if (!rc && (strncmp(store->child.line, "ready ", 6) != 0 ||
                nacre_number_parse(&port, store->child.line + 6, strlen(store->child.line + 6), UINT16_MAX)))
        rc = -EBADMSG;
    if (rc) {
        (void)snprintf(why, why_len, "nacre-blobstore is not ready: %s", strerror(-rc));
        (void)nacre_dev_child_stop(&store->child, STOP_MS);
        return rc;
    }
    address.port = (uint16_t)port;
    nacre_netaddr_format(store->address, &address);
    return 0;
}

int nacre_dev_store_map(const struct nacre_dev_store *store, struct nacre_allow *allow, char *why,
                        size_t why_len)
{
    static const char walrus[] = ".walrus.space";
    uint32_t found = 0;
    for (uint32_t i = 0; i < allow->n; i++) {
        size_t len = strlen(allow->hosts[i]), end = sizeof walrus - 1;
        if (len < end || strcmp(allow->hosts[i] + len - end, walrus) != 0)
            continue;
        (void)snprintf(allow->connects[i], sizeof allow->connects[i], "%s", store->address);
        found++;
    }
    if (found)
        return 0;
    (void)snprintf(why, why_len, "--blob-store: no host of Walrus (...%s) is on the allow list", walrus);
    return -EINVAL;
}
