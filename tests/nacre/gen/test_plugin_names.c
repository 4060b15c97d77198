#include <errno.h>
#include <plugin_names.h>
#include <stdio.h>
#include <string.h>
#include <suite.h>

START_TEST(words)
{
    static const char *const cases[][2] = {
        {"ProcessData", "process_data"},
        {"HTTPReply", "http_reply"},
        {"V2Done", "v2_done"},
        {"already_snake", "already_snake"},
        {"Already_Snake", "already_snake"},
        {"lower", "lower"},
        {"UPPER", "upper"},
        {"a", "a"},
        {"aB", "a_b"},
        {"do it -- now!", "do_it_now"},
        {"9lives", "n9lives"},
        {"", "n"},
        {"!!", "n"},
        {"_x", "n_x"},
        {"x_", "x"},
        {"\xc3\xa4pfel", "n_pfel"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[NACRE_GEN_NAME], upper[NACRE_GEN_NAME];
        nacre_gen_snake(out, cases[i][0]);
        ck_assert_str_eq(out, cases[i][1]);
        nacre_gen_upper(upper, cases[i][0]);
        ck_assert_uint_eq(strlen(upper), strlen(out));
        for (size_t k = 0; upper[k]; k++)
            ck_assert(!(upper[k] >= 'a' && upper[k] <= 'z'));
    }
}
END_TEST

START_TEST(long_words_fit)
{
    char name[300], out[NACRE_GEN_NAME];
    memset(name, 'A', sizeof name);
    for (size_t i = 1; i < sizeof name; i += 2)
        name[i] = 'a';
    name[sizeof name - 1] = '\0';
    nacre_gen_snake(out, name);
    ck_assert_uint_lt(strlen(out), NACRE_GEN_NAME);
    ck_assert_uint_gt(strlen(out), NACRE_GEN_NAME - 4);
}
END_TEST

START_TEST(taken_names)
{
    static const char *const reserved[] = {"class", "class_", NULL};
    struct nacre_gen_names names = {0};
    char name[NACRE_GEN_NAME] = "class";
    ck_assert_int_eq(nacre_gen_take_free(&names, name, reserved), 0);
    ck_assert_str_eq(name, "class__");
    (void)snprintf(name, sizeof name, "class");
    ck_assert_int_eq(nacre_gen_take_free(&names, name, reserved), 0);
    ck_assert_str_eq(name, "class___");
    ck_assert_int_eq(nacre_gen_take(&names, "free"), 0);
    ck_assert_int_eq(nacre_gen_take(&names, "free"), -EEXIST);
    ck_assert_int_eq(nacre_gen_take(&names, "Free"), 0);
    nacre_gen_names_free(&names);
    ck_assert_int_eq(nacre_gen_take(&names, "free"), 0);
    nacre_gen_names_free(&names);
}
END_TEST

START_TEST(no_room_for_an_underscore)
{
    static const char *const none[] = {NULL};
    struct nacre_gen_names names = {0};
    char name[NACRE_GEN_NAME];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    ck_assert_int_eq(nacre_gen_take_free(&names, name, none), 0);
    ck_assert_int_eq(nacre_gen_take_free(&names, name, none), -ENAMETOOLONG);
    nacre_gen_names_free(&names);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, words);
    tcase_add_test(tc, long_words_fit);
    tcase_add_test(tc, taken_names);
    tcase_add_test(tc, no_room_for_an_underscore);
}

int main(void)
{
    return nacre_run_suite("plugin_names", add, 10);
}
