/* notify.h - systemd's readiness protocol (sd_notify(3)): one datagram a message. Ours, so as not to link a library of
 * its size for it. */
#ifndef NACRE_HOST_NOTIFY_H
#define NACRE_HOST_NOTIFY_H

#include <stdint.h>

/* Sends `message` to $NOTIFY_SOCKET. Nothing happens where there is none. */
void nacre_hd_notify(const char *message);

/* Milliseconds within which systemd wants to hear WATCHDOG=1; 0: it does not. */
uint64_t nacre_hd_watchdog_ms(void);

#endif
