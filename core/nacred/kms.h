/*
 * kms.h - the run of nacre-app that asks AWS KMS for the secrets: a process of its own, which never has the plugin and is
 * gone before the plugin is loaded. It alone gets a document with a key that is not nacred's, once, and a connection to
 * KMS. nacred parses nothing of what KMS says: no TLS, HTTP, JSON, CMS. docs/SECRETS.md has the whole way.
 */
#ifndef NACRE_NACRED_KMS_H
#define NACRE_NACRED_KMS_H

#include "broker.h"
#include "common/frame.h"

#include <sys/types.h>

#define NACRE_KMS_OPTION "--kms"

struct nacre_kms {
    bool wanted;                /* the configuration has secrets.kms */
    pid_t pid;                  /* 0: no run */
    uint64_t run;               /* counts them */
    int control;                /* -1: none */
    bool granted;               /* this run has had its document asked for */
    uint64_t end_ns;            /* when the run has taken too long */
    uint64_t next_ns;           /* not before that */
    uint64_t wait_ms;           /* after the next failure */
    uint64_t lent;              /* which credentials it has */
    struct nacre_manifest view; /* a copy of the manifest whose allow list is KMS alone */
    struct nacre_broker broker;
    char place[24]; /* of KMS on the parent: the port behind those of the allow list */
};

#endif
