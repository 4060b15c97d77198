#include "cmd_repeat.h"

#include <app/decode.h>
#include <mltraining/learn/source.h>

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define SCRATCH_BYTES ((size_t)64 << 20)

/* Those members of a job that decide about the model. Others, keys among them, are passed over. */
NACRE_LIST(Ids, string);
/* cppcheck-suppress syntaxError ; it cannot expand what declares records */
NACRE_RECORD(Job, (Ids, data_blob_ids), (string, model_config_blob_id), (f64, learning_rate), (u64, epochs));

static const struct ml_limits limits = {.bytes = (uint64_t)1 << 40, .rows = 4000000000u, .columns = 1u << 20};

static int decode(struct nacre_repeat *out, const char *name, const struct nacre_type *type, void *value,
                  const char *text, size_t len, nacre_verify_error *why)
{
    struct nacre_decode d = {.scratch = &out->scratch, .root = name};
    return nacre_decode_text(&d, type, value, text, len) == 0 ? NACRE_CHECKED
                                                              : nacre_vcmd_unchecked(why, "%s", d.why);
}

static int read_job(struct nacre_repeat *out, const char *path, struct Job *job, nacre_verify_error *why)
{
    struct nacre_vcmd_buffer file = {0};
    struct nacre_vcmd_json all, payload;
    int r = nacre_vcmd_load_up_to(path, NACRE_VCMD_ANSWER_MAX, &file, why);
    if (r == NACRE_CHECKED) {
        all = (struct nacre_vcmd_json){.text = (const char *)file.data, .size = file.size};
        if (nacre_vcmd_json_has(all, "payload") &&
            nacre_vcmd_json_object(all, "payload", &payload, why) == NACRE_CHECKED) {
            all = payload;
        }
        r = decode(out, "job", &nacre_type_Job, job, all.text, all.size, why);
    }
    nacre_vcmd_buffer_free(&file);
    return r;
}

/* A blob's file. Ids are names of files: none may lead elsewhere. */
static int read_blob(const char *dir, struct nacre_str id, struct nacre_vcmd_buffer *out,
                     nacre_verify_error *why)
{
    char name[160], path[4096];
    bool good = id.len > 0 && id.len < sizeof name && id.ptr[0] != '.' &&
                memchr(id.ptr, '/', id.len) == NULL && memchr(id.ptr, 0, id.len) == NULL;
    if (!good) {
        return nacre_vcmd_unchecked(why, "'%.*s' is no blob id", (int)(id.len > 100 ? 100 : id.len), id.ptr);
    }
    (void)snprintf(name, sizeof name, "%.*s", (int)id.len, id.ptr);
    if (nacre_file_join(path, sizeof path, dir, name) != 0) {
        return nacre_vcmd_unchecked(why, "%.200s: name too long", dir);
    }
    return nacre_vcmd_load_up_to(path, NACRE_DATA_MAX, out, why);
}

static int read_config(struct nacre_repeat *out, const char *dir, const struct Job *job,
                       nacre_verify_error *why)
{
    struct nacre_vcmd_buffer file = {0};
    const struct nacre_type *type = ml_config_type();
    char text[ML_WHY];
    void *form = nacre_scratch_alloc(&out->scratch, type->c_size);
    int r = form != NULL ? read_blob(dir, job->model_config_blob_id, &file, why)
                         : nacre_vcmd_unchecked(why, "out of memory");
    if (r == NACRE_CHECKED) {
        r = decode(out, "config", type, form, (const char *)file.data, file.size, why);
    }
    if (r == NACRE_CHECKED && (ml_config_read(&out->config, form, text) != 0 ||
                               ml_data_init(&out->data, &out->config, &limits, text) != 0)) {
        r = nacre_vcmd_unchecked(why, "%.200s", text);
    }
    nacre_vcmd_buffer_free(&file);
    return r;
}

static int dataset_key(void *ctx, const uint8_t id[ML_DATASET_ID], uint8_t key[32])
{
    const struct nacre_dataset_key *known = ctx;
    if (memcmp(known->id, id, ML_DATASET_ID) != 0) {
        return -ENOKEY;
    }
    memcpy(key, known->key, 32);
    return 0;
}

static int read_data(struct nacre_repeat *out, const char *dir, struct nacre_str id,
                     const struct ml_keys *keys, nacre_verify_error *why)
{
    struct nacre_vcmd_buffer file = {0};
    char name[160];
    int r = read_blob(dir, id, &file, why);
    if (r != NACRE_CHECKED) {
        return r;
    }
    (void)snprintf(name, sizeof name, "%.*s", (int)id.len, id.ptr);
    struct ml_source *source = ml_source_new(&out->data, name, out->config.label, keys);
    if (source == NULL) {
        r = nacre_vcmd_unchecked(why, "out of memory");
    } else if (ml_source_feed(source, file.data, file.size) != 0 || ml_source_end(source) != 0) {
        r = nacre_vcmd_unchecked(why, "%.400s", ml_source_why(source));
    }
    ml_source_free(source);
    if (file.data != NULL) {
        sodium_memzero(file.data, file.size);
    }
    nacre_vcmd_buffer_free(&file);
    return r;
}

static int read_all(struct nacre_repeat *out, const char *dir, const struct Job *job,
                    struct nacre_dataset_key *key, nacre_verify_error *why)
{
    const struct ml_keys keys = {.ctx = key, .dataset_key = key != NULL ? dataset_key : NULL};
    const struct nacre_str *ids = job->data_blob_ids.ptr;
    size_t n = (size_t)job->data_blob_ids.count;
    int r = read_config(out, dir, job, why);
    for (size_t i = 0; i < n && r == NACRE_CHECKED; i++) {
        r = read_data(out, dir, ids[i], &keys, why);
    }
    if (r != NACRE_CHECKED) {
        return r;
    }
    struct nacre_str *all = nacre_scratch_alloc(&out->scratch, (n + 1) * sizeof *all);
    if (all == NULL) {
        return nacre_vcmd_unchecked(why, "out of memory");
    }
    if (n > 0) {
        memcpy(all, ids, n * sizeof *all);
    }
    all[n] = job->model_config_blob_id;
    out->ml = (struct ml_job){.config = &out->config,
                              .learning_rate = job->learning_rate,
                              .epochs = job->epochs,
                              .seed = out->config.has_seed ? out->config.seed : ml_seed_from(all, n + 1)};
    return NACRE_CHECKED;
}

int nacre_repeat_load(struct nacre_repeat *out, const char *job_path, const char *blobs, const char *key_path,
                      nacre_verify_error *why)
{
    struct Job job = {.epochs = 0};
    struct nacre_dataset_key key;
    int r = nacre_scratch_init(&out->scratch, SCRATCH_BYTES) == 0
                ? NACRE_CHECKED
                : nacre_vcmd_unchecked(why, "out of memory");
    if (r == NACRE_CHECKED && key_path != NULL) {
        r = nacre_dataset_key_load(&key, key_path, why);
    }
    if (r == NACRE_CHECKED) {
        r = read_job(out, job_path, &job, why);
    }
    if (r == NACRE_CHECKED) {
        r = read_all(out, blobs, &job, key_path != NULL ? &key : NULL, why);
    }
    sodium_memzero(&key, sizeof key);
    return r;
}

void nacre_repeat_free(struct nacre_repeat *job)
{
    ml_data_free(&job->data);
    nacre_scratch_free(&job->scratch);
}
