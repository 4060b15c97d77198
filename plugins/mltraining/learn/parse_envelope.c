#include "parsers.h"

#include <errno.h>
#include <string.h>

enum { AT_OPEN, AT_KEY, AT_FIRST_KEY, IN_KEY, AT_COLON, AT_STRING, IN_STRING, AFTER_STRING, AT_END };
enum { ENCRYPTED, NONCE, SENDER, OTHER };

static const char *const keys[] = {"encrypted", "nonce", "ephemeralPublicKey"};

/* One decoded byte to where it belongs. */
static int put(struct ml_envelope *p, uint8_t byte)
{
    if (p->target == NONCE && p->nonce_len < sizeof p->nonce) {
        p->nonce[p->nonce_len++] = byte;
    } else if (p->target == SENDER && p->sender_len < sizeof p->sender) {
        p->sender[p->sender_len++] = byte;
    } else if (p->target == ENCRYPTED) {
        if (p->box_len == p->box_room) {
            uint8_t *box = ml_room(p->box, &p->box_room, p->box_len + 1);
            if (!box)
                return ml_rows_refuse(p->rows, -ENOMEM, "out of memory");
            p->box = box;
        }
        p->box[p->box_len++] = byte;
    } else {
        return ml_rows_refuse(p->rows, -EBADMSG, "envelope: %s is too long", keys[p->target]);
    }
    return 0;
}

/* -1: not of base64 in either alphabet */
static int digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

static int take_base64(struct ml_envelope *p, char c)
{
    const int value = digit(c);
    if (c == '=') {
        p->padded = true;
        return 0;
    }
    if (value < 0 || p->padded)
        return ml_rows_refuse(p->rows, -EBADMSG, "envelope: %s is not base64", keys[p->target]);
    p->bits = p->bits << 6 | (uint32_t)value;
    p->n_bits += 6;
    if (p->n_bits < 8)
        return 0;
    p->n_bits -= 8;
    return put(p, (uint8_t)(p->bits >> p->n_bits));
}

/* Of the three keys, none twice; the values of others are passed over, as long as they are texts. */
static int end_key(struct ml_envelope *p)
{
    p->target = OTHER;
    for (int i = 0; i < OTHER; i++) {
        if (strlen(keys[i]) == p->key_len && memcmp(keys[i], p->key, p->key_len) == 0)
            p->target = i;
    }
    if (p->target != OTHER && p->have & 1u << p->target)
        return ml_rows_refuse(p->rows, -EBADMSG, "envelope: %s stands twice", keys[p->target]);
    p->have |= p->target == OTHER ? 0 : 1u << p->target;
    p->bits = 0;
    p->n_bits = 0;
    p->padded = false;
    p->state = AT_COLON;
    return 0;
}

static int end_string(struct ml_envelope *p)
{
    p->state = AFTER_STRING;
    if (p->target != OTHER && (p->n_bits >= 6 || (p->bits & ((1u << p->n_bits) - 1)) != 0))
        return ml_rows_refuse(p->rows, -EBADMSG, "envelope: %s is not whole base64", keys[p->target]);
    return 0;
}

/* Inside quotes. Of escapes only "\/" can stand in base64. */
static int take_text(struct ml_envelope *p, char c)
{
    if (!p->escape && c == '\\') {
        p->escape = 1;
        return 0;
    }
    if (!p->escape && c == '"')
        return p->state == IN_KEY ? end_key(p) : end_string(p);
    if ((unsigned char)c < 0x20)
        return ml_rows_refuse(p->rows, -EBADMSG, "envelope: a control character in a text");
    if (p->state == IN_KEY) {
        if (p->key_len < sizeof p->key) /* longer ones are none of ours; one more byte says so */
            p->key[p->key_len++] = p->escape ? '\\' : c;
        p->escape = 0;
        return 0;
    }
    if (p->target == OTHER) {
        p->escape = 0;
        return 0;
    }
    if (p->escape && c != '/')
        return ml_rows_refuse(p->rows, -EBADMSG, "envelope: %s is not base64", keys[p->target]);
    p->escape = 0;
    return take_base64(p, c);
}

static int take(struct ml_envelope *p, char c)
{
    static const struct {
        char want;
        int next;
    } steps[] = {
        [AT_OPEN] = {'{', AT_FIRST_KEY}, [AT_KEY] = {'"', IN_KEY},       [AT_FIRST_KEY] = {'"', IN_KEY},
        [AT_COLON] = {':', AT_STRING},   [AT_STRING] = {'"', IN_STRING}, [AFTER_STRING] = {',', AT_KEY},
        [AT_END] = {0, AT_END}};
    if (p->state == IN_KEY || p->state == IN_STRING)
        return take_text(p, c);
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
        return 0;
    if (p->state == AFTER_STRING && c == '}') {
        p->state = AT_END;
        return 0;
    }
    if (p->state == AT_END || c != steps[p->state].want)
        return ml_rows_refuse(p->rows, -EBADMSG, "envelope: expected an object of texts");
    p->state = steps[p->state].next;
    p->key_len = p->state == IN_KEY ? 0 : p->key_len;
    return 0;
}

void ml_envelope_begin(struct ml_envelope *p, struct ml_rows *rows)
{
    *p = (struct ml_envelope){.rows = rows, .state = AT_OPEN};
}

int ml_envelope_feed(struct ml_envelope *p, const uint8_t *bytes, size_t len)
{
    int err = 0;
    for (size_t i = 0; i < len && !err; i++)
        err = take(p, (char)bytes[i]);
    return err;
}

int ml_envelope_end(struct ml_envelope *p)
{
    if (p->state != AT_END)
        return ml_rows_refuse(p->rows, -EBADMSG, "envelope: cut short");
    for (int i = 0; i < OTHER; i++) {
        if (!(p->have & 1u << i))
            return ml_rows_refuse(p->rows, -EBADMSG, "envelope: %s is missing", keys[i]);
    }
    if (p->nonce_len != sizeof p->nonce || p->sender_len != sizeof p->sender)
        return ml_rows_refuse(p->rows, -EBADMSG,
                              "envelope: nonce and key have %zu and %zu bytes, expected 24 and 32",
                              p->nonce_len, p->sender_len);
    return 0;
}

void ml_envelope_free(struct ml_envelope *p)
{
    ml_room_free(p->box, p->box_room);
    p->box = NULL;
    p->box_room = p->box_len = 0;
}
