/*
 * fixture.h - a small, right plugin as macros, so that each fixture shows only what it does differently.
 */
#ifndef NACRE_TESTS_FIXTURE_H
#define NACRE_TESTS_FIXTURE_H

#include <nacre/plugin.h>

struct question {
    uint64_t number;
};

struct answer {
    uint64_t doubled;
};

NACRE_STRUCT(question_type, "Question", struct question, NACRE_FIELD(struct question, number, u64));
NACRE_STRUCT(answer_type, "Answer", struct answer, NACRE_FIELD(struct answer, doubled, u64));

static int32_t handle(const struct nacre_call *call, const void *request, void *response)
{
    const struct question *question = request;
    struct answer *answer = response;
    (void)call;
    answer->doubled = question->number * 2u;
    return 0;
}

static const struct nacre_intent intents[] = {{0u, 0u, NACRE_S("ProcessData"), &answer_type}};

static const struct nacre_route routes[] = {{.method = NACRE_S("POST"),
                                             .path = NACRE_S("/double"),
                                             .intent = 0u,
                                             .request = &question_type,
                                             .handler = handle}};

#define FIXTURE_NAME   NACRE_S("fixture"), NACRE_S("1.2.3")
#define FIXTURE_TABLES NACRE_TABLE(intents), NACRE_TABLE(routes)
#define FIXTURE_TAIL   NACRE_NONE, NACRE_NONE, NULL, NULL

#endif
