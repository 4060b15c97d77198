/*
 * CBOR writing into a fixed buffer with libcbor's encoders. A write that does not fit sets `full` and
 * nothing is written from then on, so callers check once, at the end.
 */
#ifndef NACRE_SIM_WRITER_H
#define NACRE_SIM_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nacre_sim_writer {
    uint8_t *data; /* borrowed */
    size_t cap;
    size_t len;
    bool full;
};

void nacre_sim_put_uint(struct nacre_sim_writer *writer, uint64_t value);
/* The negative integer -1 - value. */
void nacre_sim_put_negint(struct nacre_sim_writer *writer, uint64_t value);
void nacre_sim_put_bytes(struct nacre_sim_writer *writer, const void *data, size_t len);
void nacre_sim_put_text(struct nacre_sim_writer *writer, const char *text);
void nacre_sim_put_array(struct nacre_sim_writer *writer, size_t len);
void nacre_sim_put_map(struct nacre_sim_writer *writer, size_t pairs);
/* Opens a map of indefinite length; put_break ends it. */
void nacre_sim_put_map_open(struct nacre_sim_writer *writer);
void nacre_sim_put_break(struct nacre_sim_writer *writer);
void nacre_sim_put_tag(struct nacre_sim_writer *writer, uint64_t tag);
void nacre_sim_put_bool(struct nacre_sim_writer *writer, bool value);
void nacre_sim_put_null(struct nacre_sim_writer *writer);

#endif
