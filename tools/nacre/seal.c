#include "seal.h"

#include "file.h"

#include <common/bytes.h>
#include <common/cbor_get.h>
#include <common/json_read.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEED_HEX 64u

int nacre_operator_create(struct nacre_operator *out, const char *path, char *why, size_t why_len)
{
    uint8_t seed[32];
    char text[SEED_HEX + 2];
    randombytes_buf(seed, sizeof seed);
    (void)crypto_sign_seed_keypair(out->public_key, out->secret, seed);
    (void)sodium_bin2hex(text, sizeof text, seed, sizeof seed);
    text[SEED_HEX] = '\n';
    sodium_memzero(seed, sizeof seed);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int err = fd < 0 ? errno : 0;
    if (!err && (write(fd, text, SEED_HEX + 1) != (ssize_t)SEED_HEX + 1 || fsync(fd) < 0))
        err = errno ? errno : EIO;
    sodium_memzero(text, sizeof text);
    if (fd >= 0 && close(fd) < 0 && !err)
        err = errno;
    if (!err)
        return 0;
    if (fd >= 0)
        (void)unlink(path);
    sodium_memzero(out, sizeof *out);
    return nacre_file_error(path, "cannot make a key file", err, why, why_len);
}

int nacre_operator_load(struct nacre_operator *out, const char *path, char *why, size_t why_len)
{
    uint8_t *data = NULL, seed[32];
    size_t len = 0, read_len = 0;
    struct stat st;
    if (stat(path, &st) < 0)
        return nacre_file_error(path, "cannot read the operator's key", errno, why, why_len);
    if (st.st_mode & (S_IRWXG | S_IRWXO)) {
        (void)snprintf(why, why_len, "%s: mode %03o lets others at the operator's key, expected 600", path,
                       (unsigned)(st.st_mode & 0777u));
        return -EPERM;
    }
    int rc = nacre_file_read(&data, &len, path, 4096, why, why_len);
    if (rc < 0)
        return rc;
    size_t hex = len > 0 && data[len - 1] == '\n' ? len - 1 : len;
    /* libsodium's reader takes the same time whatever the digits are */
    if (hex == SEED_HEX &&
        sodium_hex2bin(seed, sizeof seed, (const char *)data, hex, NULL, &read_len, NULL) == 0 &&
        read_len == 32) {
        (void)crypto_sign_seed_keypair(out->public_key, out->secret, seed);
    } else {
        (void)snprintf(why, why_len, "%s: %zu bytes that are no operator's key of %u hex digits", path, len,
                       SEED_HEX);
        rc = -EINVAL;
    }
    sodium_memzero(seed, sizeof seed);
    sodium_memzero(data, len);
    free(data);
    return rc;
}

static bool take_target(struct nacre_seal_for *to, const cbor_item_t *map)
{
    const uint8_t *config, *key;
    const char *app;
    size_t app_len, config_len, key_len;
    uint64_t version;
    if (!nacre_cbor_u64(nacre_cbor_key(map, "v"), 1, &version) || version != 1 ||
        !nacre_cbor_text(nacre_cbor_key(map, "app"), &app, &app_len) || app_len == 0 ||
        app_len > NACRE_SEALED_APP_MAX || memchr(app, 0, app_len) ||
        !nacre_cbor_bytes(nacre_cbor_key(map, "config"), &config, &config_len) ||
        config_len != sizeof to->config ||
        !nacre_cbor_bytes(nacre_cbor_key(map, "secrets_key"), &key, &key_len) ||
        key_len != sizeof to->enclave_key)
        return false;
    memset(to, 0, sizeof *to);
    memcpy(to->app, app, app_len);
    memcpy(to->config, config, config_len);
    memcpy(to->enclave_key, key, key_len);
    return true;
}

int nacre_seal_target(struct nacre_seal_for *out, const uint8_t *user_data, size_t len, char *why,
                      size_t why_len)
{
    cbor_item_t *map = user_data ? nacre_cbor_load(user_data, len) : NULL;
    bool good = map && take_target(out, map);
    if (map)
        cbor_decref(&map);
    if (good)
        return 0;
    (void)snprintf(
        why, why_len,
        "the document's user_data of %zu bytes is not nacre's version 1 with app, config and secrets_key",
        len);
    return -EBADMSG;
}

int nacre_seal_check(const uint8_t *secrets, size_t len, char *why, size_t why_len)
{
    struct nacre_json j;
    if (len == 0 || len > NACRE_SECRETS_BLOB) {
        (void)snprintf(why, why_len, "the secrets have %zu bytes, expected 1 to %u", len, NACRE_SECRETS_BLOB);
        return -EBADMSG;
    }
    nacre_json_init(&j, (const char *)secrets, len);
    enum nacre_json_token token = nacre_json_next(&j);
    bool object = token == NACRE_JSON_OBJECT;
    while (object && (token = nacre_json_next(&j)) == NACRE_JSON_KEY &&
           nacre_json_next(&j) == NACRE_JSON_STRING)
        continue;
    if (object && token == NACRE_JSON_OBJECT_END && nacre_json_next(&j) == NACRE_JSON_END)
        return 0;
    /* the place, and never what stands there */
    (void)snprintf(why, why_len, "the secrets are not a JSON object of texts (byte %zu)",
                   (size_t)(j.at - j.begin));
    return -EBADMSG;
}

int nacre_seal(uint8_t *out, const struct nacre_seal_for *to, const struct nacre_operator *operator_key,
               uint64_t made_ms, const uint8_t *secrets, size_t len)
{
    size_t app_len = strlen(to->app);
    if (len == 0 || len > NACRE_SECRETS_BLOB || app_len == 0 || app_len > NACRE_SEALED_APP_MAX)
        return -EINVAL;
    size_t size = NACRE_SEALED_HEAD + app_len + NACRE_SEALED_BOX + len + NACRE_SEALED_SIGNATURE;
    struct nacre_writer w = nacre_writer(out, NACRE_SEALED_MAX);
    nacre_write_bytes(&w, nacre_sealed_magic, sizeof nacre_sealed_magic);
    nacre_write_le(&w, NACRE_SEALED_VERSION, 4);
    nacre_write_le(&w, size, 4);
    nacre_write_le(&w, made_ms, 8);
    nacre_write_bytes(&w, operator_key->public_key, 32);
    nacre_write_bytes(&w, to->enclave_key, 32);
    nacre_write_bytes(&w, to->config, sizeof to->config);
    nacre_write_u8(&w, (uint8_t)app_len);
    nacre_write_bytes(&w, to->app, app_len);
    uint8_t *box = nacre_write_room(&w, NACRE_SEALED_BOX + len);
    if (!box || crypto_box_seal(box, secrets, len, to->enclave_key) != 0)
        return -EINVAL;
    uint8_t *signature = nacre_write_room(&w, NACRE_SEALED_SIGNATURE);
    if (!signature || w.len != size)
        return -EINVAL;
    (void)crypto_sign_detached(signature, NULL, out, size - NACRE_SEALED_SIGNATURE, operator_key->secret);
    return (int)size;
}
