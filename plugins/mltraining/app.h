/* app.h - what the files of the app mltraining share: a job as clients ask for it, and the store it works with. */
#ifndef ML_APP_H
#define ML_APP_H

#include "learn/card.h"
#include "learn/format.h"
#include "learn/job.h"
#include "learn/source.h"

#include <nacre/plugin.h>

#define BLOBS_MAX     256u
#define BLOB_ID_MAX   128u
#define CONFIG_MAX    65536u /* bytes of a model config */
#define STORE_REPLIES 65536u /* bytes of a publisher's reply */

NACRE_RECORD(Envelope, (string, encrypted), (string, nonce), (string, ephemeralPublicKey));
NACRE_LIST(Envelopes, Envelope);
NACRE_MAYBE(MaybeEnvelopes, Envelopes);
NACRE_LIST(Ids, string);
NACRE_RECORD(Job, (Ids, data_blob_ids), (string, model_config_blob_id), (string, key_id),
             (f64, learning_rate), (u64, epochs), (MaybeEnvelopes, data_keys));

/* ---- settings.c: `plugin:` of the measured configuration ----------------------------------------------------- */

struct settings {
    uint32_t plain_store;      /* 1: GET and PUT of URL/NAME; 0: Walrus */
    struct nacre_str get, put; /* base URLs, without a slash at the end */
    uint64_t store_epochs;     /* Walrus: how long a model is kept */
    struct ml_limits limits;
    uint64_t memory; /* bytes of a job beside its data */
    uint32_t threads;
    uint64_t concurrent; /* trainings at once */
};

/* Reads and checks. 0, or 500 with the setting named. */
int32_t settings_read(const struct nacre_call *call, struct settings *out);

/* ---- gate.c -------------------------------------------------------------------------------------------------- */

/* Waits until fewer than `most` are inside. 0, to be followed by gate_leave(), or 504 when the call's time is up. */
int32_t gate_enter(const struct nacre_call *call, uint64_t most);
void gate_leave(void);

/* ---- store.c ------------------------------------------------------------------------------------------------ */

/*
 * Gives the blob to `sink` piece by piece; `again` is called before another try, which begins from the start. Tries
 * again after 404 and 5xx and broken connections, as a CDN may not know a fresh blob yet, while there is time.
 * 0, or a status.
 */
int32_t store_get(const struct nacre_call *call, const struct settings *settings, struct nacre_str id,
                  uint64_t max, nacre_sink sink, int32_t (*again)(void *ctx), void *ctx);

/* Stores bytes; *id lives as long as the call. 0, or a status. */
int32_t store_put(const struct nacre_call *call, const struct settings *settings, struct nacre_bytes bytes,
                  struct nacre_str *id);

/* ---- job_data.c: what a job is given ------------------------------------------------------------------------- */

struct buyer {
    uint8_t key[32];
};

struct inputs {
    struct ml_config config;
    struct ml_data data;
    struct ml_card_blob *blobs; /* one for each data blob, in order */
    uint64_t n_blobs;
    struct ml_card_blob config_blob;
};

/* Config and rows of a job. 0, or a status. inputs_free() in any case. */
int32_t inputs_load(const struct nacre_call *call, const struct settings *settings, const struct Job *job,
                    const struct buyer *buyer, struct inputs *out);
void inputs_free(struct inputs *in);

/* ---- job_run.c: the job itself ------------------------------------------------------------------------------- */

struct outcome {
    uint8_t buyer[32];
    uint8_t model_sha256[32];  /* of the safetensors file */
    uint8_t sealed_sha256[32]; /* of what was stored */
    struct nacre_str model_blob_id;
    struct ml_metrics train, test;
    uint64_t seed;
    const struct ml_card_blob *blobs;
    uint64_t n_blobs;
    uint8_t config_sha256[32];
};

/* From request to stored model. request_sha256 may be NULL. What *out points to lives as long as the call. */
int32_t job_run(const struct nacre_call *call, const struct Job *job, const uint8_t *request_sha256,
                struct outcome *out);

#endif
