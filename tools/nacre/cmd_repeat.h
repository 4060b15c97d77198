/* cmd_repeat.h - a training job's inputs, read from files. */
#ifndef NACRE_TOOL_CMD_REPEAT_H
#define NACRE_TOOL_CMD_REPEAT_H

#include "cmd_data.h"
#include "file.h"

#include <app/scratch.h>
#include <mltraining/learn/job.h>

struct nacre_repeat {
    struct nacre_scratch scratch; /* what the decoded job lies in */
    struct ml_config config;
    struct ml_data data;
    struct ml_job ml;
};

/* 0, or NACRE_UNCHECKED with `why`. nacre_repeat_free() in any case; *out was zeroed. */
int nacre_repeat_load(struct nacre_repeat *out, const char *job, const char *blobs, const char *key,
                      nacre_verify_error *why);
void nacre_repeat_free(struct nacre_repeat *job);

#endif
