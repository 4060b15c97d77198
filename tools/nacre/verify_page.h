/* verify_page.h - `nacre verify --page`: the page that verifies in a browser, as it is built into the program. */
#ifndef NACRE_TOOL_VERIFY_PAGE_H
#define NACRE_TOOL_VERIFY_PAGE_H

#include "plugin_template.h"

/* Made by the build from verify/page/: one entry, and the one that ends the table. */
extern const struct nacre_template nacre_verify_pages[];

int nacre_cmd_verify_page(int argc, char **argv);

#endif
