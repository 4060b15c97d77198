#include "fault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 256
#define WORDS_MAX      5

static const char *const names[NACRE_SIM_FAULT_KIND_COUNT] = {
    [NACRE_SIM_FAULT_ERROR] = "error",
    [NACRE_SIM_FAULT_DELAY] = "delay",
    [NACRE_SIM_FAULT_HOLD] = "hold",
    [NACRE_SIM_FAULT_CLOCK] = "clock",
    [NACRE_SIM_FAULT_GARBAGE] = "garbage",
    [NACRE_SIM_FAULT_TRUNCATE] = "truncate",
    [NACRE_SIM_FAULT_CLOSE] = "close",
    [NACRE_SIM_FAULT_SHORT_PCR] = "short-pcr",
    [NACRE_SIM_FAULT_WRONG_TYPE] = "wrong-type",
    [NACRE_SIM_FAULT_BAD_SIGNATURE] = "bad-signature",
};

/* The parts of a fault as text; NULL where the part is missing. */
struct words {
    const char *kind;
    const char *arg;
    const char *request;
    const char *count;
};

static int fail(const char **why, int rc, const char *sentence)
{
    *why = sentence;
    return rc;
}

static int parse_ms(const char *text, int64_t min, int64_t max, int64_t *out)
{
    char *end = NULL;
    const char *digits = *text == '+' || *text == '-' ? text + 1 : text;
    if (*digits < '0' || *digits > '9')
        return -EINVAL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || *end != '\0' || value < min || value > max)
        return -EINVAL;
    *out = value;
    return 0;
}

static bool takes_arg(enum nacre_sim_fault_kind kind)
{
    return kind == NACRE_SIM_FAULT_ERROR || kind == NACRE_SIM_FAULT_DELAY || kind == NACRE_SIM_FAULT_HOLD ||
           kind == NACRE_SIM_FAULT_CLOCK;
}

static enum nacre_sim_fault_kind find(const char *name)
{
    for (int i = NACRE_SIM_FAULT_NONE + 1; i < NACRE_SIM_FAULT_KIND_COUNT; i++) {
        if (strcmp(names[i], name) == 0)
            return (enum nacre_sim_fault_kind)i;
    }
    return NACRE_SIM_FAULT_NONE;
}

static int set_clock(struct nacre_sim_faults *faults, const char *text, const char **why)
{
    int64_t ms = 0;
    if (parse_ms(text, -NACRE_SIM_CLOCK_MAX, NACRE_SIM_CLOCK_MAX, &ms) < 0)
        return fail(why, -EINVAL, "clock wants milliseconds within fifty years");
    faults->clock_ms = ms;
    return 0;
}

static int parse_arg(struct nacre_sim_fault *fault, const char *arg, const char **why)
{
    if (fault->kind == NACRE_SIM_FAULT_ERROR) {
        if (!nacre_sim_error_find(arg, strlen(arg), &fault->error))
            return fail(why, -EINVAL, "error wants the name of an NSM error, such as InternalError");
    } else if (parse_ms(arg, 0, NACRE_SIM_DELAY_MAX, &fault->ms) < 0) {
        return fail(why, -EINVAL, "delay and hold want 0 to 3600000 milliseconds");
    }
    return 0;
}

static int parse_scope(struct nacre_sim_fault *fault, const struct words *words, const char **why)
{
    fault->any = words->request == NULL || strcmp(words->request, "*") == 0;
    if (!fault->any && !nacre_sim_kind_find(words->request, strlen(words->request), &fault->request))
        return fail(why, -EINVAL, "unknown request; name one as the NSM does, or * for any");
    int64_t count = 0;
    if (words->count != NULL && parse_ms(words->count, 1, UINT32_MAX, &count) < 0)
        return fail(why, -EINVAL, "the count must be 1 or more");
    fault->left = (uint32_t)count;
    return 0;
}

static int add(struct nacre_sim_faults *faults, const struct words *words, const char **why)
{
    struct nacre_sim_fault fault = {.kind = find(words->kind)};
    if (fault.kind == NACRE_SIM_FAULT_NONE)
        return fail(why, -EINVAL, "unknown kind of fault");
    if (takes_arg(fault.kind) != (words->arg != NULL))
        return fail(why, -EINVAL, "error, delay, hold and clock take an argument, the other faults none");
    if (fault.kind == NACRE_SIM_FAULT_CLOCK) {
        if (words->request != NULL || words->count != NULL)
            return fail(why, -EINVAL, "clock takes neither request nor count");
        return set_clock(faults, words->arg, why);
    }
    int rc = words->arg != NULL ? parse_arg(&fault, words->arg, why) : 0;
    if (rc == 0)
        rc = parse_scope(&fault, words, why);
    if (rc < 0)
        return rc;
    if (faults->count == NACRE_SIM_FAULT_MAX)
        return fail(why, -ENOSPC, "too many faults are in force");
    faults->list[faults->count++] = fault;
    return 0;
}

/* A copy that can be cut into words. */
static int copy_line(char copy[LINE_MAX_BYTES], const char *text, const char **why)
{
    size_t len = strlen(text);
    if (len >= LINE_MAX_BYTES)
        return fail(why, -EINVAL, "line too long");
    memcpy(copy, text, len + 1);
    return 0;
}

/* Ends the text at the first mark and returns what follows it, or NULL. */
static const char *cut(char *text, char mark)
{
    char *at = strchr(text, mark);
    if (at == NULL)
        return NULL;
    *at = '\0';
    return at + 1;
}

int nacre_sim_fault_option(struct nacre_sim_faults *faults, const char *text, const char **why)
{
    char copy[LINE_MAX_BYTES];
    int rc = copy_line(copy, text, why);
    if (rc < 0)
        return rc;
    struct words words = {.kind = copy};
    words.count = cut(copy, '#');
    words.request = cut(copy, '@');
    words.arg = cut(copy, ':');
    return add(faults, &words, why);
}

static size_t split(char *line, const char *words[WORDS_MAX + 1])
{
    size_t count = 0;
    char *rest = NULL;
    for (char *word = strtok_r(line, " \t", &rest); word != NULL; word = strtok_r(NULL, " \t", &rest)) {
        if (count <= WORDS_MAX)
            words[count++] = word;
    }
    return count;
}

/* "fault KIND [ARG] [REQUEST] [COUNT]": no request begins with a digit, so either may stand alone. */
static int add_words(struct nacre_sim_faults *faults, const char *const *word, size_t count, const char **why)
{
    if (count < 2 || count > WORDS_MAX)
        return fail(why, -EINVAL, "say: fault KIND [ARG] [REQUEST] [COUNT]");
    struct words words = {.kind = word[1]};
    size_t i = 2;
    if (takes_arg(find(words.kind)) && i < count)
        words.arg = word[i++];
    if (i < count && (word[i][0] < '0' || word[i][0] > '9'))
        words.request = word[i++];
    if (i < count)
        words.count = word[i++];
    if (i < count)
        return fail(why, -EINVAL, "too many words for this fault");
    return add(faults, &words, why);
}

int nacre_sim_fault_line(struct nacre_sim_faults *faults, const char *line, const char **why)
{
    char copy[LINE_MAX_BYTES];
    int rc = copy_line(copy, line, why);
    if (rc < 0)
        return rc;
    const char *word[WORDS_MAX + 1] = {NULL};
    size_t count = split(copy, word);
    if (count == 0)
        return fail(why, -EINVAL, "empty line");
    if (strcmp(word[0], "fault") == 0)
        return add_words(faults, word, count, why);
    if (strcmp(word[0], "clock") == 0 && count == 2)
        return set_clock(faults, word[1], why);
    if (strcmp(word[0], "clear") == 0 && count == 1) {
        memset(faults, 0, sizeof(*faults));
        return 0;
    }
    return fail(why, -EINVAL, "say fault, clock MS, count REQUEST or clear");
}

static void apply(const struct nacre_sim_fault *fault, struct nacre_sim_plan *plan)
{
    if (fault->kind == NACRE_SIM_FAULT_DELAY) {
        plan->delay_ms = fault->ms;
    } else if (fault->kind == NACRE_SIM_FAULT_HOLD) {
        plan->hold_ms = fault->ms;
    } else {
        plan->damage = fault->kind;
        plan->error = fault->error;
    }
}

/* Two faults of one sort exclude each other for one request: the older one goes first. */
static bool taken(const struct nacre_sim_plan *plan, enum nacre_sim_fault_kind kind)
{
    if (kind == NACRE_SIM_FAULT_DELAY)
        return plan->delay_ms != 0;
    if (kind == NACRE_SIM_FAULT_HOLD)
        return plan->hold_ms != 0;
    return plan->damage != NACRE_SIM_FAULT_NONE;
}

void nacre_sim_fault_plan(struct nacre_sim_faults *faults, enum nacre_sim_kind kind,
                          struct nacre_sim_plan *plan)
{
    *plan = (struct nacre_sim_plan){0};
    size_t kept = 0;
    for (size_t i = 0; i < faults->count; i++) {
        struct nacre_sim_fault *fault = &faults->list[i];
        bool used_up = false;
        if ((fault->any || fault->request == kind) && !taken(plan, fault->kind)) {
            apply(fault, plan);
            used_up = fault->left > 0 && --fault->left == 0;
        }
        if (!used_up)
            faults->list[kept++] = *fault;
    }
    faults->count = kept;
}
