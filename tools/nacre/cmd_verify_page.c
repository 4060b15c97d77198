/* `nacre verify --page [FILE]` */
#include <string.h>

#include "cmd_verify.h"
#include "commands.h"
#include "file.h"
#include "verify_page.h"

static const char help[] =
    "usage: nacre verify --page [FILE]\n"
    "\n"
    "Writes a page that verifies documents and answers in a browser: one file of HTML that needs nothing\n"
    "besides. Open it from the disk, or serve it from localhost or over https.\n"
    "\n"
    "  FILE        where to write; standard output if left out, or -\n"
    "  -h, --help\n"
    "\n"
    "exit codes: 0 written, 2 not\n";

static int fail(const char *why)
{
    (void)fprintf(stderr, "nacre verify --page: %s\n", why);
    return NACRE_UNCHECKED;
}

static int print(const struct nacre_template *page)
{
    if (fwrite(page->text, 1, page->len, stdout) != page->len || fflush(stdout) != 0) {
        return fail("cannot write to standard output");
    }
    return 0;
}

int nacre_cmd_verify_page(int argc, char **argv)
{
    const struct nacre_template *page = &nacre_verify_pages[0];
    const char *name = argc > 1 ? argv[1] : "-";
    char why[512];
    if (argc > 2) {
        return nacre_usage_error("nacre verify --page", "one FILE is enough, '%s' is one more", argv[2]);
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        return fputs(help, stdout) < 0 ? NACRE_UNCHECKED : 0;
    }
    if (strcmp(name, "-") == 0) {
        return print(page);
    }
    if (name[0] == '-' || name[0] == '\0') {
        return nacre_usage_error("nacre verify --page", "there is no option '%s'", name);
    }
    return nacre_file_write(name, page->text, page->len, why, sizeof why) == 0 ? 0 : fail(why);
}
