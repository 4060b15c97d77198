#include "nacred/key.h"
#include "suite.h"

#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

START_TEST(signs_what_libsodium_verifies)
{
    uint8_t signature[64];
    const struct nacre_keys *k = nacre_keys_new(), *other = nacre_keys_new();
    ck_assert(k && other);
    ck_assert_mem_ne(k->sign_public, other->sign_public, 32);
    nacre_keys_sign(k, signature, (const uint8_t *)"abc", 3);
    ck_assert_int_eq(crypto_sign_verify_detached(signature, (const uint8_t *)"abc", 3, k->sign_public), 0);
    ck_assert_int_ne(crypto_sign_verify_detached(signature, (const uint8_t *)"abd", 3, k->sign_public), 0);
    ck_assert_int_ne(crypto_sign_verify_detached(signature, (const uint8_t *)"abc", 3, other->sign_public),
                     0);
    nacre_keys_free(k);
    nacre_keys_free(other);
    nacre_keys_free(NULL);
}
END_TEST

START_TEST(box_key_opens_what_the_sender_sealed)
{
    uint8_t pk[32], sk[32], nonce[24] = {9}, box[16 + 5], plain[5], shared[32];
    const struct nacre_keys *k = nacre_keys_new();
    ck_assert_ptr_nonnull(k);
    (void)crypto_box_keypair(pk, sk);
    ck_assert_int_eq(crypto_box_easy(box, (const uint8_t *)"hello", 5, nonce, k->data_public, sk), 0);
    ck_assert_int_eq(nacre_keys_box(k, shared, pk), 0);
    ck_assert_int_eq(crypto_box_open_easy_afternm(plain, box, sizeof box, nonce, shared), 0);
    ck_assert_mem_eq(plain, "hello", 5);
    /* the data key's shared key opens nothing that was sealed for secrets */
    ck_assert_int_eq(crypto_box_easy(box, (const uint8_t *)"hello", 5, nonce, k->secrets_public, sk), 0);
    ck_assert_int_ne(crypto_box_open_easy_afternm(plain, box, sizeof box, nonce, shared), 0);
    memset(pk, 0, sizeof pk); /* a point of low order */
    ck_assert_int_eq(nacre_keys_box(k, shared, pk), -EINVAL);
    nacre_keys_free(k);
}
END_TEST

START_TEST(a_child_has_no_copy)
{
    const struct nacre_keys *k = nacre_keys_new();
    int status, pipefd[2];
    ck_assert_ptr_nonnull(k);
    ck_assert_int_eq(pipe(pipefd), 0);
    ck_assert_int_eq(write(pipefd[1], k->sign_secret, 64), 64); /* that the parent can read it */
    pid_t pid = fork();
    if (pid == 0) /* the kernel finds nothing mapped there */
        _exit(write(pipefd[1], k->sign_secret, 64) == -1 && errno == EFAULT ? 0 : 1);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    nacre_keys_free(k);
}
END_TEST

/* Does the mapping that holds p have this flag in smaps? */
static bool has_flag(const void *p, const char *flag)
{
    char line[512];
    bool inside = false, found = false;
    FILE *f = fopen("/proc/self/smaps", "r");
    ck_assert_ptr_nonnull(f);
    while (fgets(line, sizeof line, f)) {
        char *end;
        uintptr_t from = strtoul(line, &end, 16);
        if (end > line && *end == '-') /* a mapping's first line */
            inside = (uintptr_t)p >= from && (uintptr_t)p < strtoul(end + 1, NULL, 16);
        else if (inside && strncmp(line, "VmFlags:", 8) == 0)
            found = strstr(line, flag) != NULL;
    }
    (void)fclose(f);
    return found;
}

START_TEST(all_pages_are_kept_out_of_cores_and_children)
{
    const struct nacre_keys *k = nacre_keys_new();
    uint8_t *large = nacre_guarded_alloc(65537);
    ck_assert(k && large);
    ck_assert(has_flag(k, " dd") && has_flag(k, " dc"));
    for (size_t i = 0; i < 65537; i += 4096)
        ck_assert(has_flag(large + i, " dd") && has_flag(large + i, " dc"));
    ck_assert(has_flag(large + 65536, " dd"));
    ck_assert(!has_flag(&k, " dd")); /* the test can fail */
    nacre_guarded_free(large);
    nacre_guarded_free(NULL);
    nacre_keys_free(k);
}
END_TEST

START_TEST(freed_pages_are_gone)
{
    int pipefd[2];
    const struct nacre_keys *k = nacre_keys_new();
    ck_assert_ptr_nonnull(k);
    ck_assert_int_eq(pipe(pipefd), 0);
    nacre_keys_free(k);
    ck_assert_int_eq(write(pipefd[1], k, 64), -1);
    ck_assert_int_eq(errno, EFAULT);
}
END_TEST

static void writes_to_a_key(void)
{
    const struct nacre_keys *k = nacre_keys_new();
    union {
        const struct nacre_keys *from;
        struct nacre_keys *to;
    } u = {k};
    u.to->sign_secret[0] = 1;
}

START_TEST(is_read_only)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        writes_to_a_key();
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_ne(status, 0);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, signs_what_libsodium_verifies);
    tcase_add_test(tc, box_key_opens_what_the_sender_sealed);
    tcase_add_test(tc, a_child_has_no_copy);
    tcase_add_test(tc, all_pages_are_kept_out_of_cores_and_children);
    tcase_add_test(tc, freed_pages_are_gone);
    tcase_add_test(tc, is_read_only);
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
    return nacre_run_suite("nacred/key", add, 20);
}
