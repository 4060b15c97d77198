#include "seal.h"

#include "scratch.h"

#include <common/cbor_put.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>

static char why[512];
static struct nacre_operator key, again;

static void write_key(const char *text, mode_t mode)
{
    const char *path = scratch_path("key");
    (void)unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(fd);
}

START_TEST(keys)
{
    struct stat st;
    const char *path = scratch_path("key");
    ck_assert_int_eq(nacre_operator_create(&key, path, why, sizeof why), 0);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777u, 0600);
    ck_assert_int_eq(nacre_operator_create(&again, path, why, sizeof why), -EEXIST);
    ck_assert_int_eq(nacre_operator_load(&again, path, why, sizeof why), 0);
    ck_assert_mem_eq(&key, &again, sizeof key);
    ck_assert_int_eq(chmod(path, 0604), 0);
    ck_assert_int_eq(nacre_operator_load(&again, path, why, sizeof why), -EPERM);
    ck_assert_ptr_nonnull(strstr(why, "604"));
    /* RFC 8032, 7.1, test 1 */
    write_key("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", 0600);
    ck_assert_int_eq(nacre_operator_load(&again, path, why, sizeof why), 0);
    ck_assert_uint_eq(again.public_key[0], 0xd7);
    ck_assert_uint_eq(again.public_key[31], 0x1a);
    static const char *const bad[] = {"",
                                      "\n",
                                      "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f6",
                                      "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f600",
                                      "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f6g",
                                      "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60\n\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        write_key(bad[i], 0600);
        ck_assert_int_eq(nacre_operator_load(&again, path, why, sizeof why), -EINVAL);
        ck_assert_ptr_null(strstr(why, "9d61")); /* never what stands there */
    }
    ck_assert_int_eq(nacre_operator_load(&again, scratch_path("none"), why, sizeof why), -ENOENT);
}
END_TEST

static int check(const char *text)
{
    return nacre_seal_check((const uint8_t *)text, strlen(text), why, sizeof why);
}

START_TEST(what_may_be_sealed)
{
    static char big[NACRE_SECRETS_BLOB + 2];
    static const char *const good[] = {"{}", " {\"a\":\"b\"} \n", "{\"a\":\"\\u0041\",\"b\":\"\"}"};
    static const char *const bad[] = {"",
                                      "[]",
                                      "\"a\"",
                                      "{\"a\":5}",
                                      "{\"a\":{}}",
                                      "{\"a\":[\"b\"]}",
                                      "{\"a\":null}",
                                      "{\"a\":\"b\"",
                                      "{\"a\":\"b\"}x",
                                      "{\"a\":\"b\"}{}",
                                      "{\"a\"}",
                                      "{\"a\":\"\xff\"}"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        ck_assert_int_eq(check(good[i]), 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_int_eq(check(bad[i]), -EBADMSG);
    memset(big, ' ', sizeof big - 1);
    big[0] = '{';
    big[1] = '}';
    ck_assert_int_eq(check(big), -EBADMSG);
    big[NACRE_SECRETS_BLOB] = '\0';
    ck_assert_int_eq(check(big), 0);
}
END_TEST

/* user_data as nacred writes it, with one thing changed. */
static size_t user_data(uint8_t out[512], uint64_t version, const char *app, size_t config,
                        size_t secrets_key)
{
    static const uint8_t bytes[64] = {7};
    struct nacre_writer w = nacre_writer(out, 512);
    nacre_put_map(&w, 4);
    nacre_put_z(&w, "v");
    nacre_put_uint(&w, version);
    nacre_put_z(&w, "app");
    nacre_put_z(&w, app);
    nacre_put_z(&w, "config");
    nacre_put_bytes(&w, bytes, config);
    nacre_put_z(&w, "secrets_key");
    nacre_put_bytes(&w, bytes, secrets_key);
    ck_assert(!w.failed);
    return w.len;
}

START_TEST(targets)
{
    uint8_t raw[512];
    struct nacre_seal_for to;
    size_t len = user_data(raw, 1, "weather", 48, 32);
    ck_assert_int_eq(nacre_seal_target(&to, raw, len, why, sizeof why), 0);
    ck_assert_str_eq(to.app, "weather");
    ck_assert_uint_eq(to.config[0], 7);
    ck_assert_uint_eq(to.enclave_key[0], 7);
    for (size_t cut = 0; cut < len; cut++)
        ck_assert_int_eq(nacre_seal_target(&to, raw, cut, why, sizeof why), -EBADMSG);
    ck_assert_int_eq(nacre_seal_target(&to, NULL, 0, why, sizeof why), -EBADMSG);
    ck_assert_int_eq(nacre_seal_target(&to, raw, user_data(raw, 2, "a", 48, 32), why, sizeof why), -EBADMSG);
    ck_assert_int_eq(nacre_seal_target(&to, raw, user_data(raw, 1, "", 48, 32), why, sizeof why), -EBADMSG);
    ck_assert_int_eq(nacre_seal_target(&to, raw, user_data(raw, 1, "a", 47, 32), why, sizeof why), -EBADMSG);
    ck_assert_int_eq(nacre_seal_target(&to, raw, user_data(raw, 1, "a", 48, 33), why, sizeof why), -EBADMSG);
}
END_TEST

START_TEST(a_blob_can_be_taken_apart_and_opened)
{
    static uint8_t blob[NACRE_SEALED_MAX], most[NACRE_SECRETS_BLOB], out[NACRE_SECRETS_BLOB];
    uint8_t secret[32];
    struct nacre_seal_for to = {.app = "weather", .config = {1, 2, 3}};
    struct nacre_sealed s;
    (void)crypto_sign_keypair(key.public_key, key.secret);
    (void)crypto_box_keypair(to.enclave_key, secret);
    randombytes_buf(most, sizeof most);
    const size_t sizes[] = {1, 1000, sizeof most};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        int size = nacre_seal(blob, &to, &key, 77, most, sizes[i]);
        ck_assert_int_eq(size, (int)(257 + 7 + sizes[i]));
        ck_assert_int_eq(nacre_sealed_parse(&s, blob, (size_t)size, why), 0);
        ck_assert_uint_eq(s.made_ms, 77);
        ck_assert(s.app_len == 7 && memcmp(s.app, "weather", 7) == 0);
        ck_assert_mem_eq(s.config, to.config, 48);
        ck_assert_mem_eq(s.enclave_key, to.enclave_key, 32);
        ck_assert_mem_eq(s.operator_key, key.public_key, 32);
        ck_assert_int_eq(crypto_sign_verify_detached(s.signature, blob, s.signed_len, key.public_key), 0);
        ck_assert_int_eq(crypto_box_seal_open(out, s.box, s.box_len, to.enclave_key, secret), 0);
        ck_assert_mem_eq(out, most, sizes[i]);
    }
    ck_assert_int_eq(nacre_seal(blob, &to, &key, 77, most, 0), -EINVAL);
    ck_assert_int_eq(nacre_seal(blob, &to, &key, 77, most, sizeof most + 1), -EINVAL);
    memset(to.enclave_key, 0, 32); /* a point of small order */
    ck_assert_int_eq(nacre_seal(blob, &to, &key, 77, most, 5), -EINVAL);
    to.app[0] = '\0';
    ck_assert_int_eq(nacre_seal(blob, &to, &key, 77, most, 5), -EINVAL);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, scratch_make, scratch_remove);
    tcase_add_test(tc, keys);
    tcase_add_test(tc, what_may_be_sealed);
    tcase_add_test(tc, targets);
    tcase_add_test(tc, a_blob_can_be_taken_apart_and_opened);
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
    return nacre_run_suite("nacre/seal", add, 30);
}
