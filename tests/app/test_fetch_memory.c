#include "app/fetch/memory.h"
#include "suite.h"

#include <malloc.h>
#include <stdbool.h>
#include <string.h>

/* Linked with --wrap=free: every free() of the unit comes by here, and Check's own while nothing is watched. */
void __real_free(void *p);
void __wrap_free(void *p);

static bool watching;
static unsigned frees, dirty;

void __wrap_free(void *p)
{
    const char *bytes = p;
    size_t n = p ? malloc_usable_size(p) : 0;
    bool clean = true;
    for (size_t i = 0; i < n; i++)
        clean = clean && bytes[i] == 0;
    frees += watching;
    dirty += watching && !clean;
    __real_free(p);
}

static void watched_free(void *p)
{
    watching = true;
    fetch_free(p);
    watching = false;
}

static void *watched_realloc(void *p, size_t size)
{
    watching = true;
    void *moved = fetch_realloc(p, size);
    watching = false;
    return moved;
}

START_TEST(frees_nothing_unwiped)
{
    char *p = fetch_malloc(100);
    ck_assert_ptr_nonnull(p);
    memset(p, 's', 100);
    char *copy = fetch_strdup("secret");
    ck_assert_str_eq(copy, "secret");
    char *zero = fetch_calloc(10, 10);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(zero[i], 0);
    memset(zero, 's', 100);
    watched_free(p);
    watched_free(copy);
    watched_free(zero);
    watched_free(NULL);
    ck_assert_uint_eq(frees, 4);
    ck_assert_uint_eq(dirty, 0);
}
END_TEST

START_TEST(moves_nothing_unwiped)
{
    char *p = watched_realloc(NULL, 10);
    ck_assert_ptr_nonnull(p);
    for (int i = 0; i < 10; i++)
        p[i] = (char)('0' + i);
    for (size_t size = 20; size < 100000; size *= 2) {
        p = watched_realloc(p, size);
        ck_assert_ptr_nonnull(p);
        ck_assert_mem_eq(p, "0123456789", 10);
        memset(p + 10, 's', size - 10);
    }
    p = watched_realloc(p, 10);
    ck_assert_mem_eq(p, "0123456789", 10);
    ck_assert_uint_lt(malloc_usable_size(p), 1000); /* room is given back */
    ck_assert_uint_ge(frees, 5);
    ck_assert_uint_eq(dirty, 0);
    watched_free(p);
    ck_assert_uint_eq(dirty, 0);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, frees_nothing_unwiped);
    tcase_add_test(tc, moves_nothing_unwiped);
}

int main(void)
{
    return nacre_run_suite("fetch_memory", add, 10);
}
