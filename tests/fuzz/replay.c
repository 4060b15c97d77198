/* Feeds every file of a folder to the fuzz target: what a fuzzer once found stays found. */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#define INPUT_MAX ((size_t)1 << 20)

static void replay(const char *folder, const char *name)
{
    char path[4096];
    uint8_t *bytes = malloc(INPUT_MAX);
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rbe");
    if (bytes == NULL || file == NULL) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    size_t size = fread(bytes, 1, INPUT_MAX, file);
    (void)fclose(file);
    /* The exact size, for ASan. */
    uint8_t *exact = malloc(size > 0 ? size : 1);
    if (exact == NULL) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    memcpy(exact, bytes, size);
    free(bytes);
    (void)LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

int main(int argc, char **argv)
{
    size_t count = 0;
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    if (folder == NULL) {
        (void)fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return EXIT_FAILURE;
    }
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (entry->d_name[0] != '.') {
            replay(argv[1], entry->d_name);
            count++;
        }
    }
    (void)closedir(folder);
    (void)printf("%zu inputs replayed\n", count);
    return count >= 2 ? EXIT_SUCCESS : EXIT_FAILURE;
}
