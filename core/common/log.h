/*
 * log.h - one line per event on standard error: key=value, or JSON when so configured. Only programs log,
 * libraries do not. Each line is one write(2), so lines of the three processes do not mix.
 *
 * Never a body, a secret or a key: values are named by the caller, one by one, and cut at 1,024 bytes.
 */
#ifndef NACRE_COMMON_LOG_H
#define NACRE_COMMON_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

enum nacre_log_level { NACRE_LEVEL_DEBUG, NACRE_LEVEL_INFO, NACRE_LEVEL_WARN, NACRE_LEVEL_ERROR };

/* Sets what every line of this process starts with; `program` must live as long as the process. */
void nacre_log_setup(const char *program, enum nacre_log_level min, bool json);

/*
 * Makes standard error one that nobody waits for: a pipe or terminal whose reader has stopped must not stop who logs.
 * Opens it anew, for the description that was given to us is others' as well. For the first process of several, before it
 * starts the others; they inherit it. Files stay as they are.
 */
void nacre_log_never_wait(void);

/* The level of a name as the configuration has it; NACRE_LEVEL_INFO for anything else. */
enum nacre_log_level nacre_log_level_of(const char *name);

/*
 * The time as it stands in a line (RFC 3339, UTC, with milliseconds), terminated; its length, 0 when `room` is too small:
 * 32 always suffice. For times since 1970. Safe in a signal handler.
 */
size_t nacre_log_time(char *out, size_t room, const struct timespec *now);

/* One value of a line. Made by the macros below. */
struct nacre_log_value {
    const char *key;
    const char *text; /* may be NULL: then `number` counts */
    size_t text_len;
    int64_t number;
};

static inline struct nacre_log_value nacre_log_text(const char *key, const char *text)
{
    return (struct nacre_log_value){key, text ? text : "", text ? strlen(text) : 0, 0};
}

#define NLS(KEY, TEXT)      nacre_log_text((KEY), (TEXT))
#define NLB(KEY, TEXT, LEN) ((struct nacre_log_value){(KEY), (TEXT), (LEN), 0})
#define NLI(KEY, NUMBER)    ((struct nacre_log_value){(KEY), NULL, 0, (int64_t)(NUMBER)})

/*
 * Writes one line; threads may call it at once. Keeps errno, and never waits: a line that finds no room is lost, and the
 * next one that does says how many were (lines_lost).
 */
void nacre_log_values(enum nacre_log_level level, const char *event, const struct nacre_log_value *values,
                      size_t n);

/* nacre_log_event(NACRE_LEVEL_INFO, "ready", NLS("pk", hex), NLI("port", 3000)); `event` is a short fixed
 * phrase. */
#define nacre_log_event(LEVEL, EVENT, ...)                                                                   \
    nacre_log_values((LEVEL), (EVENT), (const struct nacre_log_value[]){__VA_ARGS__},                        \
                     sizeof((const struct nacre_log_value[]){__VA_ARGS__}) / sizeof(struct nacre_log_value))

#endif
