/* service.h - a service for development and tests from its options to its end: HTTPS on one machine, until a signal. */
#ifndef NACRE_DEVSERVER_SERVICE_H
#define NACRE_DEVSERVER_SERVICE_H

#include "certificate.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>

/* Decimal digits alone, at most `most`. */
bool service_number(const char *text, long most, long *out);
/* "127.0.0.1:0": an IPv4 address and a port. */
bool service_address(const char *text, struct sockaddr_in *out);

/* From here on SIGINT and SIGTERM, which are put into *set, wait for service_wait(), and no write ends the process. */
void service_signals(sigset_t *set);

/*
 * service_start - writes the authority of the certificate to ca_out and serves HTTPS on the address (port 0: a free one)
 * with one thread of its own; `flags` (MHD_USE_*) come on top. The daemon, the caller's to stop, and its port; NULL.
 */
struct MHD_Daemon *service_start(int *port, const struct sockaddr_in *address, const char *ca_out,
                                 const struct certificate *certificate, unsigned flags,
                                 MHD_AccessHandlerCallback on_request,
                                 MHD_RequestCompletedCallback on_completed, void *cls);

/* Says `line` ("ready 4443\n") to ready_fd, which is closed unless it is a standard one, and waits for one of the signals.
 * False when it cannot be said. */
bool service_wait(int ready_fd, const char *line, const sigset_t *signals);

#endif
