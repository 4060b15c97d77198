#include "check_yaml.h"
#include "yaml_tree.h"

#include <errno.h>

static char why[1024];

static struct nacre_yaml_node *parse(const char *text)
{
    struct nacre_yaml_node *root = NULL;
    int rc = nacre_yaml_parse(&root, "f.yaml", text, strlen(text), why, sizeof why);
    ck_assert_msg(rc == 0, "%s", why);
    return root;
}

START_TEST(tree_knows_keys_lines_and_places)
{
    struct nacre_yaml_node *root = parse("a: 1\nb:\n  - x\n  - {c: 'd'}\n");
    char path[NACRE_YAML_PATH];
    ck_assert_int_eq(root->kind, NACRE_YAML_MAPPING);
    const struct nacre_yaml_node *a = root->first, *b = a->next;
    ck_assert_str_eq(a->key, "a");
    ck_assert_str_eq(a->text, "1");
    ck_assert_uint_eq(a->line, 1);
    ck_assert(!a->quoted);
    ck_assert_uint_eq(b->line, 2);
    ck_assert_int_eq(b->kind, NACRE_YAML_SEQUENCE);
    ck_assert_ptr_null(b->next);
    const struct nacre_yaml_node *c = b->first->next->first;
    nacre_yaml_path(c, path, sizeof path);
    ck_assert_str_eq(path, "b[1].c");
    ck_assert_uint_eq(c->line, 4);
    ck_assert(c->quoted);
    nacre_yaml_path(root, path, sizeof path);
    ck_assert_str_eq(path, "");
    nacre_yaml_free(root);
}
END_TEST

START_TEST(empty_texts_have_no_tree)
{
    ck_assert_ptr_null(parse(""));
    ck_assert_ptr_null(parse("# nothing\n\n"));
    nacre_yaml_free(NULL);
}
END_TEST

START_TEST(long_paths_are_cut_and_terminated)
{
    char text[1024], path[32];
    memset(text, 'k', 300);
    (void)snprintf(text + 300, sizeof text - 300, ": {b: 1}\n");
    struct nacre_yaml_node *root = parse(text);
    nacre_yaml_path(root->first->first, path, sizeof path);
    ck_assert_uint_eq(strlen(path), sizeof path - 1);
    nacre_yaml_free(root);
}
END_TEST

static const struct {
    const char *text, *what;
} whats[] = {
    {"1", "a number"},       {"-1", "a number"},    {"+1.5e3", "a number"}, {".5", "a number"},
    {"0x1f", "a number"},    {"0o17", "a number"},  {".inf", "a number"},   {"-.INF", "a number"},
    {".nan", "a number"},    {"true", "a boolean"}, {"FALSE", "a boolean"}, {"~", "nothing"},
    {"null", "nothing"},     {"", "nothing"},       {"yes", "text"},        {"1.2.3.4", "text"},
    {"1e", "text"},          {"0x", "text"},        {"-a", "text"},         {".", "text"},
    {"\"1\"", "text"},       {"''", "text"},        {"|\n  1\n", "text"},   {"[1]", "a list"},
    {"{a: 1}", "a mapping"}, {"tcp:1:2", "text"},   {"-0x1", "text"},       {"1_000", "text"},
};

START_TEST(scalars_are_what_the_core_schema_says)
{
    char text[64];
    (void)snprintf(text, sizeof text, "k: %s\n", whats[_i].text);
    struct nacre_yaml_node *root = parse(text);
    ck_assert_msg(strcmp(nacre_yaml_what(root->first), whats[_i].what) == 0, "'%s' is %s, expected %s",
                  whats[_i].text, nacre_yaml_what(root->first), whats[_i].what);
    nacre_yaml_free(root);
}
END_TEST

static const struct refusal refusals[] = {
    {"a: 1\nb:\n  c: 2\n  d: 3\n  c: 4\n", "f.yaml:5: b.c: ", {"given twice", "3", "5"}},
    {"a: 1\n\"a\": 2\n", "f.yaml:2: a: ", {"given twice"}},
    {"a: &x 1\n", "f.yaml:1: a: ", {"anchor '&x'"}},
    {"&x a: 1\n", "f.yaml:1: ", {"anchor '&x'"}},
    {"a:\n  b: &y [1]\n", "f.yaml:2: a.b: ", {"anchor '&y'"}},
    {"a: &z {c: 1}\n", "f.yaml:1: a: ", {"anchor '&z'"}},
    {"a: 1\nb: *x\n", "f.yaml:2: b: ", {"alias '*x'"}},
    {"l:\n- 1\n- *x\n", "f.yaml:3: l[1]: ", {"alias '*x'"}},
    {"a: !!str 1\n", "f.yaml:1: a: ", {"tag 'tag:yaml.org,2002:str'"}},
    {"a: !mine [1]\n", "f.yaml:1: a: ", {"tag '!mine'"}},
    {"a: ! 1\n", "f.yaml:1: a: ", {"tag '!'"}},
    {"a: 1\n---\nb: 2\n", "f.yaml:2: ", {"second document"}},
    {"? [a]\n: 1\n", "f.yaml:1: ", {"a key must be text, not a list"}},
    {"? {a: 1}\n: 1\n", "f.yaml:1: ", {"a key must be text, not a mapping"}},
    {"a: \"x\\0y\"\n", "f.yaml:1: a: ", {"NUL byte at offset 1 of 3"}},
    {"a: 1\n\tb: 2\n", "f.yaml:2: ", {"not YAML"}},
    {"a: [1, 2\n", "f.yaml:", {"not YAML"}},
    {"a: 1\nb: \xff\xfe\n", "f.yaml:", {"not YAML", "UTF-8"}},
    {"a: [[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]\n", "f.yaml:1: a", {"nested 17 deep", "at most 16"}},
};

START_TEST(what_configuration_needs_not_is_refused)
{
    struct nacre_yaml_node *untouched = (struct nacre_yaml_node *)why, *root = untouched;
    const struct refusal *r = &refusals[_i];
    why[0] = '\0';
    ck_assert_int_eq(nacre_yaml_parse(&root, "f.yaml", r->text, strlen(r->text), why, sizeof why), -EINVAL);
    ck_assert_ptr_eq(root, untouched);
    check_refusal(r, why);
}
END_TEST

START_TEST(sixteen_levels_are_allowed)
{
    struct nacre_yaml_node *root = parse("a: [[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]\n");
    char path[NACRE_YAML_PATH];
    const struct nacre_yaml_node *deepest = root;
    while (deepest->first)
        deepest = deepest->first;
    nacre_yaml_path(deepest, path, sizeof path);
    ck_assert_str_eq(path, "a[0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]");
    nacre_yaml_free(root);
}
END_TEST

START_TEST(every_cut_of_a_text_ends_well)
{
    static const char text[] = "http:\n  threads: 2\nplugin: {a: [1, 'x'], \"b\": |\n    c\n  }\n---\n";
    for (size_t len = 0; len < sizeof text; len++) {
        struct nacre_yaml_node *root = NULL;
        int rc = nacre_yaml_parse(&root, "f.yaml", text, len, why, sizeof why);
        ck_assert(rc == 0 || rc == -EINVAL);
        nacre_yaml_free(root);
    }
}
END_TEST

START_TEST(large_files_are_refused)
{
    static char text[NACRE_YAML_MAX + 1];
    struct nacre_yaml_node *root = NULL;
    memset(text, '\n', sizeof text);
    ck_assert_int_eq(nacre_yaml_parse(&root, "f.yaml", text, sizeof text, why, sizeof why), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "262145 bytes, at most 262144"));
    ck_assert_int_eq(nacre_yaml_parse(&root, "f.yaml", text, sizeof text - 1, why, sizeof why), 0);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, tree_knows_keys_lines_and_places);
    tcase_add_test(tc, empty_texts_have_no_tree);
    tcase_add_test(tc, long_paths_are_cut_and_terminated);
    tcase_add_loop_test(tc, scalars_are_what_the_core_schema_says, 0, (int)(sizeof whats / sizeof whats[0]));
    tcase_add_loop_test(tc, what_configuration_needs_not_is_refused, 0,
                        (int)(sizeof refusals / sizeof refusals[0]));
    tcase_add_test(tc, sixteen_levels_are_allowed);
    tcase_add_test(tc, every_cut_of_a_text_ends_well);
    tcase_add_test(tc, large_files_are_refused);
}

int main(void)
{
    return nacre_run_suite("yaml_tree", add, 30);
}
