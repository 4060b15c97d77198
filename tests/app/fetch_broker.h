/* fetch_broker.h - a process that connects for the tests, as nacred does for nacre-app, which cannot. */
#ifndef NACRE_TESTS_FETCH_BROKER_H
#define NACRE_TESTS_FETCH_BROKER_H

#include "fetch_support.h"

void broker_start(const struct endpoint *endpoints, uint32_t n);
void broker_stop(void);

/* A connected, non-blocking descriptor, or a negative errno. Threads may call it at once. */
int broker_connect(uint32_t endpoint);

#endif
