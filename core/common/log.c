#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES  4000u
#define VALUE_MAX_BYTES 1024u

static const char *const level_names[] = {"debug", "info", "warn", "error"};
static const char *log_program = "nacre";
static enum nacre_log_level log_min = NACRE_LEVEL_INFO;
static bool log_json;
static mode_t log_kind; /* of file that standard error is */
static _Atomic uint64_t lines_lost;

struct line {
    char text[LINE_MAX_BYTES];
    size_t len;
};

void nacre_log_setup(const char *program, enum nacre_log_level min, bool json)
{
    log_program = program;
    log_min = min;
    log_json = json;
    struct stat st;
    log_kind = fstat(STDERR_FILENO, &st) == 0 ? st.st_mode & S_IFMT : 0;
}

void nacre_log_never_wait(void)
{
    struct stat st;
    if (fstat(STDERR_FILENO, &st) < 0 || (!S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode)))
        return;
    int fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) /* another user's: a look before each line must do */
        return;
    (void)dup2(fd, STDERR_FILENO);
    (void)close(fd);
}

enum nacre_log_level nacre_log_level_of(const char *name)
{
    for (unsigned i = 0; i < sizeof level_names / sizeof level_names[0]; i++)
        if (strcmp(name, level_names[i]) == 0)
            return (enum nacre_log_level)i;
    return NACRE_LEVEL_INFO;
}

static void put(struct line *l, const char *text, size_t len)
{
    if (len > sizeof l->text - 2 - l->len) /* keeps room for the end of the line */
        len = sizeof l->text - 2 - l->len;
    memcpy(l->text + l->len, text, len);
    l->len += len;
}

/* A quoted value. What is not printable ASCII becomes \u00XX, so no value can forge a line or a terminal
 * sequence. */
static void put_quoted(struct line *l, const char *text, size_t len)
{
    put(l, "\"", 1);
    /* cut between characters: the line stays JSON */
    for (size_t i = 0; i < len && i < VALUE_MAX_BYTES && l->len + 9 <= sizeof l->text; i++) {
        unsigned char c = (unsigned char)text[i];
        char escaped[8];
        if (c == '"' || c == '\\') {
            escaped[0] = '\\';
            escaped[1] = (char)c;
            put(l, escaped, 2);
        } else if (c < 0x20 || c > 0x7e) {
            (void)snprintf(escaped, sizeof escaped, "\\u%04x", c);
            put(l, escaped, 6);
        } else {
            put(l, text + i, 1);
        }
    }
    put(l, "\"", 1);
}

static bool plain(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c <= 0x20 || c > 0x7e || c == '"' || c == '\\' || c == '=')
            return false;
    }
    return len > 0 && len <= VALUE_MAX_BYTES;
}

static void put_pair(struct line *l, const char *key, struct nacre_log_value v)
{
    char number[24];
    if (sizeof l->text - l->len < strlen(key) + sizeof number + 8) /* a key without its value is no pair */
        return;
    if (log_json) {
        put(l, ",", 1);
        put_quoted(l, key, strlen(key));
        put(l, ":", 1);
    } else {
        put(l, " ", 1);
        put(l, key, strlen(key));
        put(l, "=", 1);
    }
    if (!v.text) {
        int n = snprintf(number, sizeof number, "%lld", (long long)v.number);
        put(l, number, (size_t)n);
    } else if (!log_json && plain(v.text, v.text_len)) {
        put(l, v.text, v.text_len);
    } else {
        put_quoted(l, v.text, v.text_len);
    }
}

/*
 * Not gmtime_r(): that takes a lock and reads the time zone's file, and a refused system call is logged from a signal
 * handler that may have come in the middle of either. Days to year, month and day of the Gregorian calendar, counted
 * from 1 March of the year 0, in which leap days come last.
 */
size_t nacre_log_time(char *out, size_t room, const struct timespec *now)
{
    int64_t seconds = now->tv_sec % 86400, day = now->tv_sec / 86400 + 719468;
    int64_t era = day / 146097, of_era = day % 146097;
    int64_t years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * years + years / 4 - years / 100), months = (5 * of_year + 2) / 153;
    int64_t month = months < 10 ? months + 3 : months - 9;
    int n = snprintf(out, room, "%04lld-%02lld-%02lldT%02lld:%02lld:%02lld.%03ldZ",
                     (long long)(years + era * 400 + (month <= 2)), (long long)month,
                     (long long)(of_year - (153 * months + 2) / 5 + 1), (long long)(seconds / 3600),
                     (long long)(seconds / 60 % 60), (long long)(seconds % 60), now->tv_nsec / 1000000);
    return n > 0 && (size_t)n < room ? (size_t)n : 0;
}

static void put_start(struct line *l)
{
    struct timespec now;
    char stamp[64];
    (void)clock_gettime(CLOCK_REALTIME, &now);
    size_t n = nacre_log_time(stamp, sizeof stamp, &now);
    if (log_json)
        put(l, "{\"time\":\"", 9);
    else
        put(l, "time=", 5);
    put(l, stamp, n);
    if (log_json)
        put(l, "\"", 1);
}

/* A log that cannot be written must not stop what is being logged. False when the line is not there as a whole. */
static bool write_line(const struct line *l)
{
    struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
    ssize_t n;
    if (log_kind == S_IFIFO && poll(&room, 1, 0) == 0)
        return false;
    do {
        n = log_kind == S_IFSOCK ? send(STDERR_FILENO, l->text, l->len, MSG_DONTWAIT | MSG_NOSIGNAL)
                                 : write(STDERR_FILENO, l->text, l->len);
    } while (n < 0 && errno == EINTR);
    return n == (ssize_t)l->len;
}

void nacre_log_values(enum nacre_log_level level, const char *event, const struct nacre_log_value *values,
                      size_t n)
{
    if (level < log_min)
        return;
    int saved = errno;
    struct line l = {.len = 0};
    put_start(&l);
    put_pair(&l, "level", NLS("", level_names[level]));
    put_pair(&l, "prog", NLS("", log_program));
    put_pair(&l, "event", NLS("", event));
    uint64_t lost = atomic_exchange(&lines_lost, 0);
    if (lost)
        put_pair(&l, "lines_lost", NLI("", lost));
    for (size_t i = 0; i < n; i++)
        put_pair(&l, values[i].key, values[i]);
    if (log_json)
        l.text[l.len++] = '}';
    l.text[l.len++] = '\n';
    if (!write_line(&l))
        (void)atomic_fetch_add(&lines_lost, lost + 1);
    errno = saved;
}
