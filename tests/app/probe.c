/*
 * probe.c - lets tests in other languages use the parts of nacre-app: one line in, one line out.
 *   number     JSON number -> its canonical text
 *   canonical  JSON value -> canonical JSON
 *   encode     JSON value of struct kinds -> BCS in hex
 * A line that is refused gives "! " and the reason.
 */
#include "app/canonical.h"
#include "app/decode.h"
#include "app/encode.h"
#include "app/number.h"
#include "common/digest.h"
#include "kinds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct nacre_scratch scratch;

static void refuse(const char *why)
{
    (void)printf("! %s\n", why);
}

static void number(const char *line, size_t len)
{
    char out[NACRE_NUMBER_TEXT];
    if (nacre_number_canonical(line, len, out) < 0)
        refuse("out of range");
    else
        (void)puts(out);
}

static void canonical(const char *line, size_t len)
{
    struct nacre_json j;
    struct nacre_str out = {NULL, 0};
    const char *why = NULL;
    nacre_json_init(&j, line, len);
    if (nacre_canonical(&scratch, &j, nacre_json_next(&j), &out, &why) < 0)
        refuse(why ? why : j.why);
    else if (nacre_json_next(&j) != NACRE_JSON_END)
        refuse(j.why);
    else
        (void)printf("%.*s\n", (int)out.len, out.ptr);
}

static void encode(const char *line, size_t len)
{
    static uint8_t bcs[1024 * 1024];
    static char hex[2 * sizeof bcs + 1];
    struct nacre_decode d = {.scratch = &scratch, .borrow = true, .root = "body"};
    struct kinds k = {0};
    char why[NACRE_PLACE_TEXT];
    struct nacre_writer out = nacre_writer(bcs, sizeof bcs);
    if (nacre_decode_text(&d, &kinds_type, &k, line, len) < 0) {
        refuse(d.why);
    } else if (nacre_encode(&out, &kinds_type, &k, why) < 0) {
        refuse(why);
    } else {
        nacre_hex(hex, bcs, out.len);
        (void)puts(hex);
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(const char *line, size_t len);
    } modes[] = {{"number", number}, {"canonical", canonical}, {"encode", encode}};
    char *line = NULL;
    size_t cap = 0, mode = 0;
    while (mode < 3 && (argc != 2 || strcmp(argv[1], modes[mode].name) != 0))
        mode++;
    if (mode == 3 || nacre_scratch_init(&scratch, (size_t)64 * 1024 * 1024) < 0)
        return 2;
    for (ssize_t n; (n = getline(&line, &cap, stdin)) > 0;) {
        modes[mode].run(line, (size_t)n - (line[n - 1] == '\n'));
        nacre_scratch_reset(&scratch);
    }
    free(line);
    nacre_scratch_free(&scratch);
    return 0;
}
