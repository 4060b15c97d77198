#include "app/secrets.h"
#include "common/frame.h"
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct nacre_secret_spec specs[] = {{"API_KEY", 1}, {"EXTRA", 0}, {"A \"quoted\" name", 0}};
static struct nacre_manifest manifest = {.secrets = specs, .n_secrets = 3};
static char why[256];

static void setup(void)
{
    ck_assert_int_ge(sodium_init(), 0);
    why[0] = '\0';
}

static int parse(struct nacre_secrets *out, const char *text)
{
    return nacre_secrets_parse(out, &manifest, text, strlen(text), why, sizeof why);
}

static bool has(const struct nacre_secrets *s, const char *name, const char *value)
{
    struct nacre_str v = {NULL, 0};
    return nacre_secrets_get(s, nacre_str(name), &v) && nacre_str_is(v, value) && v.ptr[v.len] == '\0';
}

START_TEST(declared_ones)
{
    struct nacre_secrets s;
    struct nacre_str v = {"untouched", 9};
    ck_assert_int_eq(
        parse(&s, "{\"API_KEY\":\"k\\u0065y\\n\",\"A \\\"quoted\\\" name\":\"x\",\"OTHER\":{\"a\":[1]}}"), 0);
    ck_assert(has(&s, "API_KEY", "key\n") && has(&s, "A \"quoted\" name", "x"));
    ck_assert(!nacre_secrets_get(&s, nacre_str("EXTRA"), &v) &&
              !nacre_secrets_get(&s, nacre_str("OTHER"), &v));
    ck_assert(!nacre_secrets_get(&s, nacre_str("API_KE"), &v) && !nacre_secrets_get(&s, nacre_str(""), &v));
    ck_assert_uint_eq(v.len, 9);
    nacre_secrets_free(&s);
    ck_assert_ptr_null(s.memory);
    nacre_secrets_free(&s);
}
END_TEST

START_TEST(empty_is_an_empty_object)
{
    struct nacre_secrets s = {.n_entries = 77};
    ck_assert_int_eq(parse(&s, ""), -ENOKEY);
    ck_assert_uint_eq(s.n_entries, 77);
    specs[0].required = 0;
    ck_assert_int_eq(parse(&s, ""), 0);
    ck_assert_uint_eq(s.n_entries, 0);
    ck_assert_int_eq(parse(&s, "{}"), 0);
    nacre_secrets_free(&s);
    specs[0].required = 1;
}
END_TEST

START_TEST(refused)
{
    static const struct {
        const char *text;
        int err;
        const char *why;
    } cases[] = {
        {"{}", -ENOKEY, "required secret API_KEY was not delivered"},
        {"{\"api_key\":\"x\"}", -ENOKEY, "required secret API_KEY was not delivered"},
        {"{\"API_KEY\":null}", -EBADMSG, "secret API_KEY: expected string, got null"},
        {"{\"API_KEY\":{\"a\":\"b\"}}", -EBADMSG, "secret API_KEY: expected string, got object"},
        {"{\"API_KEY\":\"x\",\"\\u0041PI_KEY\":\"y\"}", -EBADMSG, "secret API_KEY is given twice"},
        {"\"API_KEY\"", -EBADMSG, "the secrets: expected object, got string"},
        {"{\"API_KEY\":\"x\"}}", -EBADMSG,
         "the secrets are not a JSON object: text after the value (byte 15)"},
        {"{\"API_KEY\":\"x\",}", -EBADMSG, "the secrets are not a JSON object: expected a key (byte 15)"},
        {"{\"API_KEY\":\"\\ud800\"}", -EBADMSG,
         "the secrets are not a JSON object: bad escape or lone surrogate in a string (byte 12)"},
        {"API_KEY=x", -EBADMSG, "the secrets are not a JSON object: unexpected character (byte 0)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nacre_secrets s = {.n_entries = 77};
        ck_assert_int_eq(parse(&s, cases[i].text), cases[i].err);
        ck_assert_str_eq(why, cases[i].why);
        ck_assert_uint_eq(s.n_entries, 77);
    }
}
END_TEST

START_TEST(truncated_at_every_byte)
{
    static const char text[] = "{\"API_KEY\":\"value\",\"EXTRA\":\"\\u00e9\",\"x\":[1,{}]}";
    struct nacre_secrets s;
    for (size_t len = 1; len < sizeof text - 1; len++)
        ck_assert_int_eq(nacre_secrets_parse(&s, &manifest, text, len, why, sizeof why), -EBADMSG);
    ck_assert_int_eq(parse(&s, text), 0);
    ck_assert(has(&s, "EXTRA", "\xc3\xa9"));
    nacre_secrets_free(&s);
}
END_TEST

START_TEST(size)
{
    char *text = malloc(NACRE_SECRETS_BLOB + 2);
    struct nacre_secrets s;
    ck_assert_ptr_nonnull(text);
    (void)snprintf(text, NACRE_SECRETS_BLOB + 1, "{\"API_KEY\":\"%0*d\"}", (int)NACRE_SECRETS_BLOB - 14, 7);
    text[NACRE_SECRETS_BLOB] = ' ';
    ck_assert_int_eq(nacre_secrets_parse(&s, &manifest, text, NACRE_SECRETS_BLOB, why, sizeof why), 0);
    ck_assert_uint_eq(s.entries[0].value.len, NACRE_SECRETS_BLOB - 14);
    nacre_secrets_free(&s);
    ck_assert_int_eq(nacre_secrets_parse(&s, &manifest, text, NACRE_SECRETS_BLOB + 1, why, sizeof why),
                     -EBADMSG);
    ck_assert_str_eq(why, "the secrets have 65537 bytes, at most 65536");
    free(text);
}
END_TEST

/* Locked pages, not in a dump, read-only: what the kernel says of the mapping. */
START_TEST(guarded_memory)
{
    struct nacre_secrets s;
    ck_assert_int_eq(parse(&s, "{\"API_KEY\":\"sesame\"}"), 0);
    FILE *f = fopen("/proc/self/smaps", "r");
    ck_assert_ptr_nonnull(f);
    char line[512];
    bool inside = false, locked = false, no_dump = false, read_only = false;
    while (fgets(line, sizeof line, f)) {
        char *rest = NULL;
        unsigned long from = strtoul(line, &rest, 16);
        if (*rest == '-') { /* a mapping's first line: from-to mode ... */
            unsigned long to = strtoul(rest + 1, &rest, 16);
            inside = from <= (unsigned long)s.memory && (unsigned long)s.memory < to;
            read_only = inside ? strncmp(rest, " r--p ", 6) == 0 : read_only;
        } else if (inside && strncmp(line, "VmFlags:", 8) == 0) {
            locked = strstr(line, " lo") != NULL;
            no_dump = strstr(line, " dd") != NULL;
        }
    }
    (void)fclose(f);
    ck_assert(read_only && no_dump);
#ifndef NACRE_SANITIZED /* its mlock() does nothing */
    ck_assert(locked);
#else
    (void)locked;
#endif
    pid_t pid = fork();
    if (pid == 0) {
        (void)signal(SIGSEGV, SIG_DFL);
        s.memory[0] = 'x';
        _exit(0);
    }
    int status = 0;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(!WIFEXITED(status) || WEXITSTATUS(status) != 0);
    nacre_secrets_free(&s);
}
END_TEST

/* The warning names the name; values are nowhere. */
START_TEST(log_has_names_only)
{
    char path[] = "/tmp/nacre-secrets-XXXXXX", log[8192];
    char text[4096] = "{\"API_KEY\":\"hidden-1\"";
    int fd = mkstemp(path), saved = dup(STDERR_FILENO);
    struct nacre_secrets s;
    ck_assert(fd >= 0 && saved >= 0);
    for (int i = 0; i < 20; i++)
        (void)snprintf(text + strlen(text), 64, ",\"UNKNOWN_%d\":\"hidden-2\"%s", i, i < 19 ? "" : "}");
    ck_assert_int_ge(dup2(fd, STDERR_FILENO), 0);
    int err = parse(&s, text);
    ck_assert_int_ge(dup2(saved, STDERR_FILENO), 0);
    ck_assert_int_eq(err, 0);
    ssize_t n = pread(fd, log, sizeof log - 1, 0);
    ck_assert_int_gt(n, 0);
    log[n] = '\0';
    (void)unlink(path);
    (void)close(fd);
    (void)close(saved);
    ck_assert(strstr(log, "name=UNKNOWN_0") && strstr(log, "name=UNKNOWN_15") && !strstr(log, "UNKNOWN_16"));
    ck_assert(strstr(log, "count=4"));
    ck_assert(!strstr(log, "hidden"));
    nacre_secrets_free(&s);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, declared_ones);
    tcase_add_test(tc, empty_is_an_empty_object);
    tcase_add_test(tc, refused);
    tcase_add_test(tc, truncated_at_every_byte);
    tcase_add_test(tc, size);
    tcase_add_test(tc, guarded_memory);
    tcase_add_test(tc, log_has_names_only);
}

int main(void)
{
    return nacre_run_suite("secrets", add, 30);
}
