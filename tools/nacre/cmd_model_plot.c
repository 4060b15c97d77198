/* nacre model plot */
#include "cmd_data.h"

#include "file.h"
#include "plot.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char help[] =
    "usage: nacre model plot CARD [-o FILE.png]\n"
    "\n"
    "Draws loss and accuracy over the epochs, on training and held-out rows, from a model's card.json (or "
    "the\n"
    "directory that nacre model open wrote): on the terminal, or into a PNG.\n"
    "\n"
    "Exit codes: 0 drawn, 2 could not.\n";

static size_t terminal_columns(void)
{
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static int load(const char *name, struct nacre_vcmd_buffer *card, nacre_verify_error *why)
{
    struct stat st;
    char path[4096];
    if (stat(name, &st) == 0 && S_ISDIR(st.st_mode)) {
        if (nacre_file_join(path, sizeof path, name, "card.json") != 0) {
            return nacre_vcmd_unchecked(why, "%.200s: name too long", name);
        }
        name = path;
    }
    return nacre_vcmd_load_up_to(name, NACRE_DATA_MAX, card, why);
}

static int draw(const struct nacre_history *history, const char *output, nacre_verify_error *why)
{
    size_t len = 0;
    if (output == NULL) {
        nacre_plot_text(stdout, history, terminal_columns());
        return fflush(stdout) == 0 ? NACRE_CHECKED
                                   : nacre_vcmd_unchecked(why, "standard output cannot be written to");
    }
    uint8_t *png = nacre_plot_png(history, &len);
    int r = png != NULL ? NACRE_CHECKED : nacre_vcmd_unchecked(why, "out of memory");
    if (r == NACRE_CHECKED && nacre_file_write(output, png, len, why->text, sizeof why->text) != 0) {
        r = NACRE_UNCHECKED;
    }
    free(png);
    return r;
}

int nacre_cmd_model_plot(int argc, char **argv)
{
    struct nacre_vcmd_options options;
    struct nacre_vcmd_buffer card = {0};
    struct nacre_history history = {.loss = {NULL, 0}};
    nacre_verify_error why = {.text = ""};
    const char *output = NULL;
    const struct nacre_vcmd_word list[] = {{.name = "output", .letter = 'o', .text = &output}};
    const struct nacre_vcmd_words words = {.word = list, .count = 1};
    int code = nacre_vcmd_read_options(&options, argc, argv, help, &words);
    if (code >= 0) {
        return code;
    }
    int r = options.input != NULL ? load(options.input, &card, &why)
                                  : nacre_vcmd_unchecked(&why, "a card is needed; see --help");
    if (r == NACRE_CHECKED &&
        nacre_history_read(&history, (const char *)card.data, card.size, why.text, sizeof why.text) != 0) {
        r = NACRE_UNCHECKED;
    }
    if (r == NACRE_CHECKED) {
        r = draw(&history, output, &why);
    }
    nacre_history_free(&history);
    nacre_vcmd_buffer_free(&card);
    nacre_verify_policy_free(options.policy);
    return nacre_data_conclude(options.program, r, &why);
}
