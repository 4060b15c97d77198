#include "ptb.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_NOT_STARTED 127

static void keep(struct nacre_ptb *ptb, char *word)
{
    if (word == NULL || ptb->count == NACRE_PTB_WORDS_MAX) {
        free(word);
        ptb->failed = true;
        return;
    }
    ptb->word[ptb->count++] = word;
}

void nacre_ptb_add(struct nacre_ptb *ptb, const char *format, ...)
{
    char *word = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&word, format, args) < 0) {
        word = NULL;
    }
    va_end(args);
    keep(ptb, word);
}

void nacre_ptb_begin(struct nacre_ptb *ptb)
{
    nacre_ptb_add(ptb, "sui");
    nacre_ptb_add(ptb, "client");
    nacre_ptb_add(ptb, "ptb");
}

void nacre_ptb_add_bytes(struct nacre_ptb *ptb, const uint8_t *bytes, size_t size)
{
    char *word = NULL;
    size_t length = 0;
    FILE *to = open_memstream(&word, &length);
    if (to == NULL) {
        ptb->failed = true;
        return;
    }
    (void)fputs("vector[", to);
    for (size_t i = 0; i < size; i++) {
        (void)fprintf(to, "%s%uu8", i > 0 ? "," : "", bytes[i]);
    }
    (void)fputc(']', to);
    if (fclose(to) != 0) {
        free(word);
        word = NULL;
    }
    keep(ptb, word);
}

/* In single quotes a POSIX shell changes nothing; a quote itself goes outside of them. */
static void print_word(const char *word, FILE *to)
{
    if (word[0] != '\0' && word[strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                             "@%+=:,./_-")] == '\0') {
        (void)fputs(word, to);
        return;
    }
    (void)fputc('\'', to);
    for (; *word != '\0'; word++) {
        if (*word == '\'') {
            (void)fputs("'\\''", to);
        } else {
            (void)fputc(*word, to);
        }
    }
    (void)fputc('\'', to);
}

void nacre_ptb_print(const struct nacre_ptb *ptb, FILE *to)
{
    for (size_t i = 0; i < ptb->count; i++) {
        bool option = strncmp(ptb->word[i], "--", 2) == 0;
        (void)fputs(i == 0 ? "" : option ? " \\\n  " : " ", to);
        print_word(ptb->word[i], to);
    }
    (void)fputc('\n', to);
}

int nacre_ptb_run(struct nacre_ptb *ptb, char *why, size_t why_len)
{
    int status = 0;
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        (void)execvp(ptb->word[0], ptb->word);
        (void)dprintf(STDERR_FILENO, "cannot run %s: %s\n", ptb->word[0], strerror(errno));
        _exit(EXIT_NOT_STARTED);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) {
            pid = -1;
        }
    }
    if (pid < 0) {
        (void)snprintf(why, why_len, "cannot run sui: %s", strerror(errno));
        return -1;
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        (void)snprintf(why, why_len, "sui ended with %s %d", WIFEXITED(status) ? "exit code" : "signal",
                       WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
        return -1;
    }
    return 0;
}

void nacre_ptb_free(struct nacre_ptb *ptb)
{
    for (size_t i = 0; ptb != NULL && i < ptb->count; i++) {
        free(ptb->word[i]);
        ptb->word[i] = NULL;
    }
    if (ptb != NULL) {
        ptb->count = 0;
    }
}

bool nacre_ptb_is_id(const char *text)
{
    size_t length = strlen(text);
    return length >= 3 && length <= 66 && text[0] == '0' && text[1] == 'x' &&
           strspn(text + 2, "0123456789abcdefABCDEF") == length - 2;
}

bool nacre_ptb_is_name(const char *text)
{
    size_t n = 0;
    while (isalnum((unsigned char)text[n]) || text[n] == '_') {
        n++;
    }
    return n > 0 && n <= 128 && text[n] == '\0' && !isdigit((unsigned char)text[0]);
}
