/* What the tests of the verifier share: files, and lists of cases that make_documents.py writes. */
#ifndef NACRE_TESTS_VERIFY_SUPPORT_H
#define NACRE_TESTS_VERIFY_SUPPORT_H

#include <stdbool.h>

#include <check.h>

#include "nacre/verify.h"

/* Runs and frees it; the exit status of the program. */
int run_suite(Suite *suite);

struct case_line {
    char file[512];
    char root[512]; /* "-": the built-in one */
    uint64_t time_ms;
    bool allow_debug;
    bool verified;
    char check[64];
    char text[128];
};

struct case_list {
    struct case_line *line;
    size_t count;
};

/* A file's bytes, to be freed; fails the test when it cannot be read. Relative names are below the made
 * documents. */
uint8_t *read_file(const char *name, size_t *size);

/* A list below the made documents; count 0 when there is no such file. */
struct case_list read_cases(const char *name);

/* A policy for the case: signature only, its root, its time. */
nacre_verify_policy *policy_of(const struct case_line *line);

/* The check of that name, or NULL. */
const nacre_verify_check *find_check(const nacre_verify_report *report, const char *name);
/* The first check that failed, or NULL. */
const nacre_verify_check *first_failure(const nacre_verify_report *report);

#endif
