/*
 * nacre-nsm-sim: a Nitro Secure Module for development and tests.
 */
#include "options.h"
#include "rootfile.h"
#include "server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

static int complain(const char *what, const char *name, int rc)
{
    (void)fprintf(stderr, "nacre-nsm-sim: %s %s: %s\n", what, name, strerror(-rc));
    return rc;
}

/* SIGTERM and SIGINT become readable; a closed peer is seen where the write fails. */
static int take_signals(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return -errno;
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

/* The parent may have ended before prctl took effect: then no signal would ever come. */
static int die_with_parent(pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0)
        return -errno;
    return getppid() == parent ? 0 : -ESRCH;
}

static int set_module_id(struct nacre_sim_device *device, const char *wanted)
{
    uint64_t enclave = 0;
    if (getrandom(&enclave, sizeof(enclave), 0) != (ssize_t)sizeof(enclave))
        return -EIO;
    char made_up[NACRE_SIM_MODULE_MAX + 1];
    (void)snprintf(made_up, sizeof(made_up), "i-00000000000ace000-enc%016llx", (unsigned long long)enclave);
    (void)snprintf(device->module_id, sizeof(device->module_id), "%s", wanted != NULL ? wanted : made_up);
    return 0;
}

static int set_up_device(struct nacre_sim_device *device, const struct nacre_sim_options *options)
{
    device->definite = options->definite;
    device->tagged = options->tagged;
    device->any_size = options->any_size;
    device->faults = options->faults;
    int rc = set_module_id(device, options->module_id);
    if (rc == 0)
        rc = nacre_sim_pcrs_init(&device->pcrs, device->module_id, options->debug);
    for (unsigned i = 0; i < NACRE_SIM_PCR_BOOT && rc == 0; i++) {
        if (options->pcrs[i] != NULL)
            rc = nacre_sim_pcrs_set_boot(&device->pcrs, i, options->pcrs[i]);
    }
    if (rc < 0)
        return complain("cannot set up", "the device", rc);
    rc = nacre_sim_chain_init(&device->chain, options->root_key);
    if (rc < 0)
        return complain("no test root from", options->root_key != NULL ? options->root_key : "OpenSSL", rc);
    if (options->root_out == NULL)
        return 0;
    rc = nacre_sim_rootfile_publish(options->root_out, &device->chain.root);
    return rc < 0 ? complain("cannot write", options->root_out, rc) : 0;
}

static int set_up_sockets(struct nacre_sim_server *server, const struct nacre_sim_options *options)
{
    int rc = 0;
    if (options->control_path != NULL)
        rc = nacre_sim_socket_listen(&server->control, options->control_path, SOCK_STREAM);
    if (rc < 0)
        return complain("cannot listen on", options->control_path, rc);
    if (options->socket_path == NULL) {
        rc = nacre_sim_socket_adopt(&server->socket, options->listen_fd);
        return rc < 0 ? complain("no listening SOCK_SEQPACKET Unix socket:", "--listen-fd", rc) : 0;
    }
    rc = nacre_sim_socket_listen(&server->socket, options->socket_path, SOCK_SEQPACKET);
    return rc < 0 ? complain("cannot listen on", options->socket_path, rc) : 0;
}

static int say_ready(int fd)
{
    static const char ready[] = "ready\n";
    if (fd < 0)
        return 0;
    ssize_t len = write(fd, ready, sizeof(ready) - 1);
    int rc = len == (ssize_t)sizeof(ready) - 1 ? 0 : -EPIPE;
    (void)close(fd);
    return rc < 0 ? complain("cannot write to", "--ready-fd", rc) : 0;
}

static int serve(struct nacre_sim_server *server, const struct nacre_sim_options *options)
{
    int rc = set_up_sockets(server, options);
    if (rc < 0)
        return rc;
    (void)fprintf(stderr, "nacre-nsm-sim: listening on %s as %s, under a TEST root that is not AWS\n",
                  options->socket_path != NULL ? options->socket_path : "the inherited socket",
                  server->device->module_id);
    rc = say_ready(options->ready_fd);
    if (rc < 0)
        return rc;
    rc = nacre_sim_server_run(server);
    return rc < 0 ? complain("cannot", "poll", rc) : 0;
}

int main(int argc, char **argv)
{
    /* Static, for they are large and a program has one of each. */
    static struct nacre_sim_options options;
    static struct nacre_sim_device device;
    static struct nacre_sim_server server;
    pid_t parent = getppid();
    enum nacre_sim_options_result result = nacre_sim_options_read(&options, argc, argv);
    if (result != NACRE_SIM_OPTIONS_RUN)
        return result == NACRE_SIM_OPTIONS_DONE ? 0 : 2;
    int rc = options.die_with_parent ? die_with_parent(parent) : 0;
    if (rc < 0)
        return complain("cannot watch", "the parent process", rc) < 0;

    nacre_sim_server_init(&server);
    server.device = &device;
    server.signal_fd = take_signals();
    rc = server.signal_fd < 0 ? complain("cannot watch", "signals", server.signal_fd) : 0;
    if (rc == 0)
        rc = set_up_device(&device, &options);
    if (rc == 0)
        rc = serve(&server, &options);
    nacre_sim_server_close(&server);
    nacre_sim_device_clear(&device);
    if (server.signal_fd >= 0)
        (void)close(server.signal_fd);
    return rc < 0 ? 1 : 0;
}
