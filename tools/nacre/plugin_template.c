#include "plugin_template.h"

#include <errno.h>
#include <string.h>

#define WORD_MAX 32u

const struct nacre_template *nacre_template_find(const char *name)
{
    const struct nacre_template *t = nacre_templates;
    while (t->name && strcmp(t->name, name) != 0)
        t++;
    return t->name ? t : NULL;
}

/* The word after `mark` at the start of a line, into word; false when the line starts otherwise. */
static bool marked(const char *line, size_t len, const char *mark, char word[WORD_MAX])
{
    size_t skip = strlen(mark);
    if (len < skip || memcmp(line, mark, skip) != 0 || len - skip >= WORD_MAX)
        return false;
    memcpy(word, line + skip, len - skip);
    word[len - skip] = '\0';
    return true;
}

int nacre_template_write(FILE *to, const struct nacre_template *t, const struct nacre_template_calls *calls)
{
    const char *at = t->text, *end = t->text + t->len;
    bool inside = false, wanted = true;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t len = newline ? (size_t)(newline - at) : (size_t)(end - at);
        char word[WORD_MAX];
        if (marked(at, len, "//@if ", word)) {
            if (inside)
                return -EINVAL;
            inside = true;
            wanted = calls->wants(calls->user, word);
        } else if (marked(at, len, "//@end", word)) {
            if (!inside)
                return -EINVAL;
            inside = false;
            wanted = true;
        } else if (marked(at, len, "//@here ", word)) {
            if (wanted)
                calls->here(to, calls->user, word);
        } else if (marked(at, len, "//@", word)) {
            return -EINVAL;
        } else if (wanted) {
            (void)fwrite(at, 1, len, to);
            (void)fputc('\n', to);
        }
        at += len + (newline != NULL);
    }
    return inside ? -EINVAL : 0;
}
