/*
 * kms_probe.c - lets tests in other languages use the parts that ask KMS.
 *   sign REGION SERVICE DATE ID SECRET METHOD PATH QUERY BODY [NAME VALUE]...   -> the field Authorization
 *   key FILE             makes an RSA key, writes it (PEM), prints its SubjectPublicKeyInfo in hex
 *   open FILE            opens the CMS on standard input with that key, prints the content in hex
 *   answer KEY_ID        takes the CMS out of the answer on standard input, prints it in hex
 * What is refused gives "! " and the reason.
 */
#include "envelope.h"
#include "message.h"
#include "sigv4.h"

#include <common/digest.h>
#include <openssl/pem.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

static uint8_t input[1 << 20], output[65536];
static char hex[2 * sizeof output + 1];

static int print_hex(const uint8_t *data, size_t len)
{
    nacre_hex(hex, data, len);
    return puts(hex) < 0;
}

static int sign(int argc, char **argv)
{
    struct nacre_header headers[16];
    char out[NACRE_SIGV4_MAX];
    struct nacre_sigv4 r = {.region = argv[0],
                            .service = argv[1],
                            .method = argv[5],
                            .path = argv[6],
                            .query = argv[7],
                            .body = argv[8],
                            .body_len = strlen(argv[8]),
                            .headers = headers};
    const struct nacre_credentials c = {
        .id = argv[3], .id_len = strlen(argv[3]), .secret = argv[4], .secret_len = strlen(argv[4])};
    (void)snprintf(r.date, sizeof r.date, "%s", argv[2]);
    for (int i = 9; i + 1 < argc && r.n_headers < 16; i += 2)
        headers[r.n_headers++] =
            (struct nacre_header){{argv[i], strlen(argv[i])}, {argv[i + 1], strlen(argv[i + 1])}};
    return puts(nacre_sigv4_authorization(out, &r, &c) ? "! too long" : out) < 0;
}

static int make_key(const char *path)
{
    uint8_t spki[NACRE_ENVELOPE_SPKI];
    size_t len = 0;
    EVP_PKEY *key = nacre_envelope_key(spki, &len);
    FILE *f = fopen(path, "we");
    int bad = !key || !f || PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) != 1;
    if (f && fclose(f))
        bad = 1;
    EVP_PKEY_free(key);
    return bad || print_hex(spki, len);
}

static int open_cms(const char *path)
{
    char why[256] = "";
    size_t len = 0, n = fread(input, 1, sizeof input, stdin);
    FILE *f = fopen(path, "re");
    EVP_PKEY *key = f ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;
    if (f)
        (void)fclose(f);
    int rc = key ? nacre_envelope_open(output, sizeof output, &len, input, n, key, why, sizeof why) : -1;
    EVP_PKEY_free(key);
    return rc ? printf("! %s\n", why) < 0 : print_hex(output, len);
}

static int answer(const char *key_id)
{
    char why[256] = "";
    size_t len = 0, n = fread(input, 1, sizeof input, stdin);
    int rc = nacre_kms_answer(output, &len, (struct nacre_bytes){input, n}, key_id, why, sizeof why);
    return rc ? printf("! %s\n", why) < 0 : print_hex(output, len);
}

int main(int argc, char **argv)
{
    if (sodium_init() < 0)
        return 2;
    if (argc >= 11 && strcmp(argv[1], "sign") == 0)
        return sign(argc - 2, argv + 2);
    if (argc == 3 && strcmp(argv[1], "key") == 0)
        return make_key(argv[2]);
    if (argc == 3 && strcmp(argv[1], "open") == 0)
        return open_cms(argv[2]);
    return argc == 3 && strcmp(argv[1], "answer") == 0 ? answer(argv[2]) : 2;
}
