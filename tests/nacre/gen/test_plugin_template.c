#include <errno.h>
#include <plugin_template.h>
#include <stdlib.h>
#include <string.h>
#include <suite.h>

static bool wants(const void *user, const char *feature)
{
    return strstr(user, feature) != NULL;
}

static void here(FILE *to, const void *user, const char *what)
{
    (void)user;
    (void)fprintf(to, "<%s>\n", what);
}

/* What a template becomes for someone who wants `wanted`, or NULL when it is malformed. The caller's to free. */
static char *write_text(const char *text, const char *wanted)
{
    const struct nacre_template t = {"test", text, strlen(text)};
    const struct nacre_template_calls calls = {wants, here, wanted};
    char *out = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&out, &len);
    ck_assert_ptr_nonnull(to);
    int rc = nacre_template_write(to, &t, &calls);
    ck_assert_int_eq(fclose(to), 0);
    if (rc == 0)
        return out;
    ck_assert_int_eq(rc, -EINVAL);
    free(out);
    return NULL;
}

START_TEST(parts)
{
    static const char text[] =
        "one\n//@if red\nr\n//@end\n//@if blue\nb\n//@here inside\n//@end\n//@here last\nend";
    static const char *const cases[][2] = {
        {"red blue", "one\nr\nb\n<inside>\n<last>\nend\n"},
        {"red", "one\nr\n<last>\nend\n"},
        {"", "one\n<last>\nend\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *out = write_text(text, cases[i][0]);
        ck_assert_ptr_nonnull(out);
        ck_assert_str_eq(out, cases[i][1]);
        free(out);
    }
}
END_TEST

START_TEST(malformed)
{
    ck_assert_ptr_null(write_text("//@if a\nx\n", "a"));
    ck_assert_ptr_null(write_text("x\n//@end\n", "a"));
    ck_assert_ptr_null(write_text("//@if a\n//@if b\n//@end\n//@end\n", "a"));
    ck_assert_ptr_null(write_text("//@unknown\n", "a"));
}
END_TEST

START_TEST(built_in)
{
    static const char *const names[] = {"client.ts", "new/plugin.c", "new/test.sh", "new/CMakeLists.txt"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct nacre_template *t = nacre_template_find(names[i]);
        ck_assert_ptr_nonnull(t);
        ck_assert_uint_eq(t->len, strlen(t->text));
        ck_assert_int_eq(t->text[t->len - 1], '\n');
    }
    ck_assert_ptr_null(nacre_template_find("client"));
    ck_assert_ptr_null(nacre_template_find(""));
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, parts);
    tcase_add_test(tc, malformed);
    tcase_add_test(tc, built_in);
}

int main(void)
{
    return nacre_run_suite("plugin_template", add, 10);
}
