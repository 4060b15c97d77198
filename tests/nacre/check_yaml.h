/* check_yaml.h - texts that must be refused, with the line and the words that the refusal must have. */
#ifndef NACRE_TESTS_CHECK_YAML_H
#define NACRE_TESTS_CHECK_YAML_H

#include "suite.h"

#include <stdio.h>
#include <string.h>

struct refusal {
    const char *text;
    const char *place;    /* "f.yaml:LINE: KEY: " is how the message begins */
    const char *words[3]; /* and these are in it */
};

static inline void check_refusal(const struct refusal *r, const char *why)
{
    ck_assert_msg(strncmp(why, r->place, strlen(r->place)) == 0, "'%s' does not begin with '%s', for:\n%s",
                  why, r->place, r->text);
    for (size_t i = 0; i < 3 && r->words[i]; i++)
        ck_assert_msg(strstr(why, r->words[i]) != NULL, "'%s' is not in '%s'", r->words[i], why);
}

#endif
