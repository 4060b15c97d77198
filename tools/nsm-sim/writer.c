#include "writer.h"

#include <cbor.h>
#include <string.h>

/* Accounts for what an encoder wrote; libcbor's encoders return 0 when the space was too small. */
static void wrote(struct nacre_sim_writer *writer, size_t len)
{
    if (len == 0)
        writer->full = true;
    else
        writer->len += len;
}

static uint8_t *at(struct nacre_sim_writer *writer)
{
    return writer->data + writer->len;
}

static size_t room(const struct nacre_sim_writer *writer)
{
    return writer->full ? 0 : writer->cap - writer->len;
}

static void copy(struct nacre_sim_writer *writer, const void *data, size_t len)
{
    if (writer->full || len == 0)
        return;
    if (len > room(writer)) {
        writer->full = true;
        return;
    }
    memcpy(at(writer), data, len);
    writer->len += len;
}

void nacre_sim_put_uint(struct nacre_sim_writer *writer, uint64_t value)
{
    wrote(writer, cbor_encode_uint(value, at(writer), room(writer)));
}

void nacre_sim_put_negint(struct nacre_sim_writer *writer, uint64_t value)
{
    wrote(writer, cbor_encode_negint(value, at(writer), room(writer)));
}

void nacre_sim_put_bytes(struct nacre_sim_writer *writer, const void *data, size_t len)
{
    wrote(writer, cbor_encode_bytestring_start(len, at(writer), room(writer)));
    copy(writer, data, len);
}

void nacre_sim_put_text(struct nacre_sim_writer *writer, const char *text)
{
    size_t len = strlen(text);
    wrote(writer, cbor_encode_string_start(len, at(writer), room(writer)));
    copy(writer, text, len);
}

void nacre_sim_put_array(struct nacre_sim_writer *writer, size_t len)
{
    wrote(writer, cbor_encode_array_start(len, at(writer), room(writer)));
}

void nacre_sim_put_map(struct nacre_sim_writer *writer, size_t pairs)
{
    wrote(writer, cbor_encode_map_start(pairs, at(writer), room(writer)));
}

void nacre_sim_put_map_open(struct nacre_sim_writer *writer)
{
    wrote(writer, cbor_encode_indef_map_start(at(writer), room(writer)));
}

void nacre_sim_put_break(struct nacre_sim_writer *writer)
{
    wrote(writer, cbor_encode_break(at(writer), room(writer)));
}

void nacre_sim_put_tag(struct nacre_sim_writer *writer, uint64_t tag)
{
    wrote(writer, cbor_encode_tag(tag, at(writer), room(writer)));
}

void nacre_sim_put_bool(struct nacre_sim_writer *writer, bool value)
{
    wrote(writer, cbor_encode_bool(value, at(writer), room(writer)));
}

void nacre_sim_put_null(struct nacre_sim_writer *writer)
{
    wrote(writer, cbor_encode_null(at(writer), room(writer)));
}
