/* The parent only carries: what is sealed it cannot read, and who seals is somewhere else. */
#include "ops.h"

#include "deliver.h"
#include "file.h"
#include "lend.h"

#include <common/frame.h>
#include <common/sealed.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECOND_NS 1000000000u
#define POLL_MS   250u

int nacre_ops_document(struct nacre_ops *o, const struct nacre_ops_slot *slot, const char *path)
{
    char place[NACRE_OPS_PLACE_MAX + 16];
    uint64_t end = nacre_monotonic_ns() + o->options->wait_s * SECOND_NS;
    nacre_ops_place(slot, (uint32_t)o->options->api_port, place);
    do {
        char *body = NULL;
        size_t len = 0;
        int status = nacre_ops_get(place, "/get_attestation", &body, &len, o->why, sizeof o->why);
        int rc = status == 200 ? nacre_file_write(path, body, len, o->why, sizeof o->why) : 0;
        free(body);
        if (status == 200)
            return rc;
        if (status > 0)
            (void)nacre_ops_fail(o, status, "%s/get_attestation answers with status %d", place, status);
    } while (nacre_ops_pause(end, POLL_MS));
    return -ETIMEDOUT;
}

/* 0, -EACCES when the enclave refuses, or another negative errno. */
static int carry(struct nacre_ops *o, const struct nacre_ops_slot *slot, const char *path)
{
    char place[NACRE_OPS_PLACE_MAX + 16];
    uint8_t *data = NULL;
    size_t len = 0;
    int rc = nacre_file_read(&data, &len, path, NACRE_SEALED_MAX, o->why, sizeof o->why);
    if (rc)
        return rc;
    bool sealed = nacre_sealed_is(data, len);
    nacre_ops_place(slot, (uint32_t)o->options->secrets_port, place);
    if (sealed == (o->options->plain != NULL))
        rc = nacre_ops_fail(o, -EINVAL, "%s is %s", path,
                            sealed ? "sealed: --plain is not for it" : "not sealed");
    else
        rc = nacre_deliver(place, data, len, o->options->wait_s * 1000, o->why, sizeof o->why);
    sodium_memzero(data, len);
    free(data);
    if (rc == 0)
        nacre_ops_say(slot,
                      sealed ? "took sealed secrets" : "took plain secrets, which this machine can read");
    return rc;
}

static int by_directory(struct nacre_ops *o, const struct nacre_ops_slot *slot)
{
    char title[NACRE_OPS_NAME_MAX + 16], document[PATH_MAX], blob[PATH_MAX], refused[PATH_MAX];
    const char *dir = o->options->blobs;
    uint64_t end = nacre_monotonic_ns() + o->options->secrets_s * SECOND_NS;
    nacre_ops_slot_title(slot, title);
    (void)snprintf(document, sizeof document, "%s/%s.document", dir, title);
    (void)snprintf(blob, sizeof blob, "%s/%s.blob", dir, title);
    (void)snprintf(refused, sizeof refused, "%s/%s.refused", dir, title);
    (void)unlink(blob); /* of an enclave that is no more */
    int rc = nacre_ops_document(o, slot, document);
    if (rc)
        return rc;
    nacre_ops_say(slot, "waits for %s, sealed to %s", blob, document);
    rc = -ETIMEDOUT;
    bool said = false;
    do {
        if (access(blob, R_OK) < 0) {
            if (errno != ENOENT && !said) {
                nacre_ops_say(slot, "%s cannot be read: %s", blob, strerror(errno));
                said = true;
            }
            continue;
        }
        rc = carry(o, slot, blob);
        if (rc == 0)
            break;
        nacre_ops_say(slot, "%s: %s", blob, o->why);
        if (rename(blob, refused) < 0)
            break;
    } while (nacre_ops_pause(end, POLL_MS));
    (void)unlink(document);
    (void)unlink(blob);
    if (rc == -ETIMEDOUT)
        return nacre_ops_fail(o, rc, "no %s within %ju s", blob, (uintmax_t)o->options->secrets_s);
    return rc;
}

static int by_hook(struct nacre_ops *o, const struct nacre_ops_slot *slot)
{
    char title[NACRE_OPS_NAME_MAX + 16], document[PATH_MAX], blob[PATH_MAX];
    nacre_ops_slot_title(slot, title);
    (void)snprintf(document, sizeof document, "%s/%s.document", o->state.dir, title);
    (void)snprintf(blob, sizeof blob, "%s/%s.blob", o->state.dir, title);
    (void)unlink(blob);
    const char *const argv[] = {o->options->hook, title, document, blob, NULL};
    int rc = nacre_ops_document(o, slot, document);
    if (rc == 0)
        rc = nacre_ops_run(argv, o->options->secrets_s * 1000, &o->nitro.output, o->why, sizeof o->why);
    if (rc == 0)
        rc = carry(o, slot, blob);
    (void)unlink(document);
    (void)unlink(blob);
    return rc;
}

/* The enclave asks KMS itself; this machine only lends what that costs. */
static int by_kms(struct nacre_ops *o, const struct nacre_ops_slot *slot)
{
    char place[NACRE_OPS_PLACE_MAX + 16];
    nacre_ops_place(slot, (uint32_t)o->options->secrets_port, place);
    int rc = nacre_lend(place, o->options->lend, o->options->wait_s * 1000, o->why, sizeof o->why);
    if (rc == 0)
        nacre_ops_say(slot, "has its secrets from KMS");
    return rc;
}

int nacre_ops_secrets(struct nacre_ops *o, struct nacre_ops_slot *slot)
{
    const struct nacre_ops_options *p = o->options;
    char reason[sizeof o->why];
    int rc = p->plain   ? carry(o, slot, p->plain)
             : p->blobs ? by_directory(o, slot)
             : p->hook  ? by_hook(o, slot)
             : p->lend  ? by_kms(o, slot)
                        : 0;
    if (rc == 0)
        return 0;
    (void)snprintf(reason, sizeof reason, "%s", o->why);
    return nacre_ops_fail(o, rc, "the secrets were not taken: %s", reason);
}
