#include "support.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#define FILE_MAX ((size_t)1 << 20)

/* Lists are read before Check runs, so its own assertions do not work yet. */
static void need(bool good, const char *what, const char *name)
{
    if (!good) {
        (void)fprintf(stderr, "%s: %s\n", what, name);
        exit(EXIT_FAILURE);
    }
}

static void path_of(const char *name, char *path, size_t size)
{
    const char *folder = getenv("NACRE_VERIFY_DOCUMENTS");
    need(folder != NULL, "run this by ctest, which sets", "NACRE_VERIFY_DOCUMENTS");
    int n = snprintf(path, size, "%s%s%s", name[0] == '/' ? "" : folder, name[0] == '/' ? "" : "/", name);
    need(n > 0 && (size_t)n < size, "name too long", name);
}

uint8_t *read_file(const char *name, size_t *size)
{
    char path[1024];
    path_of(name, path, sizeof path);
    FILE *file = fopen(path, "rbe");
    need(file != NULL, "cannot open", path);
    uint8_t *bytes = malloc(FILE_MAX);
    need(bytes != NULL, "no memory for", path);
    *size = fread(bytes, 1, FILE_MAX, file);
    need(ferror(file) == 0, "cannot read", path);
    (void)fclose(file);
    return bytes;
}

static void take(char **rest, char *out, size_t size)
{
    const char *field = strsep(rest, "\t");
    need(field != NULL && strlen(field) < size, "missing or long field", field != NULL ? field : "none");
    (void)snprintf(out, size, "%s", field);
}

static struct case_line parse_line(char *text)
{
    struct case_line line;
    char number[32];
    char word[16];
    char *rest = text;
    take(&rest, line.file, sizeof line.file);
    take(&rest, line.root, sizeof line.root);
    take(&rest, number, sizeof number);
    line.time_ms = strtoull(number, NULL, 10);
    take(&rest, word, sizeof word);
    line.allow_debug = strcmp(word, "1") == 0;
    take(&rest, word, sizeof word);
    line.verified = strcmp(word, "verified") == 0;
    take(&rest, line.check, sizeof line.check);
    take(&rest, line.text, sizeof line.text);
    return line;
}

struct case_list read_cases(const char *name)
{
    struct case_list list = {0};
    char path[1024];
    char *text = NULL;
    size_t size = 0;
    path_of(name, path, sizeof path);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return list;
    }
    list.line = calloc(1000, sizeof *list.line);
    need(list.line != NULL, "no memory for", path);
    while (getline(&text, &size, file) > 0) {
        need(list.count < 1000, "too many cases", path);
        text[strcspn(text, "\n")] = '\0';
        list.line[list.count++] = parse_line(text);
    }
    free(text);
    (void)fclose(file);
    return list;
}

nacre_verify_policy *policy_of(const struct case_line *line)
{
    nacre_verify_error error;
    nacre_verify_policy *policy = nacre_verify_policy_new();
    need(policy != NULL, "no memory for", "a policy");
    nacre_verify_policy_signature_only(policy, 1);
    nacre_verify_policy_allow_debug(policy, line->allow_debug);
    need(nacre_verify_policy_at(policy, line->time_ms, NULL) == NACRE_VERIFY_OK, "bad time of", line->file);
    if (strcmp(line->root, "-") != 0) {
        size_t size = 0;
        uint8_t *root = read_file(line->root, &size);
        need(nacre_verify_policy_root(policy, root, size, &error) == NACRE_VERIFY_OK, line->root, error.text);
        free(root);
    }
    return policy;
}

const nacre_verify_check *find_check(const nacre_verify_report *report, const char *name)
{
    for (size_t i = 0; i < nacre_verify_report_count(report); i++) {
        const nacre_verify_check *check = nacre_verify_report_check(report, i);
        if (strcmp(check->name, name) == 0) {
            return check;
        }
    }
    return NULL;
}

const nacre_verify_check *first_failure(const nacre_verify_report *report)
{
    for (size_t i = 0; i < nacre_verify_report_count(report); i++) {
        const nacre_verify_check *check = nacre_verify_report_check(report, i);
        if (!check->passed) {
            return check;
        }
    }
    return NULL;
}
