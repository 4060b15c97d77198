#include "common/types.h"
#include "suite.h"

#include <errno.h>
#include <string.h>

static char why[256];

static int check(struct nacre_type_decl *t, uint32_t n_types, struct nacre_field_decl *f, uint32_t n_fields)
{
    struct nacre_types types = {t, n_types, f, n_fields};
    why[0] = '\0';
    return nacre_types_check(&types, why, sizeof why);
}

START_TEST(good_tables_get_depth_and_signable)
{
    struct nacre_field_decl f[] = {{"a", 0, 0}, {"b", 1, 0}, {"s", 2, 0}, {"n", 0, NACRE_SOURCE_PATH}};
    struct nacre_type_decl t[] = {{.kind = NACRE_KIND_U64},
                                  {.kind = NACRE_KIND_VECTOR, .elem = 0},
                                  {.kind = NACRE_KIND_STRUCT, .n_fields = 2, .name = "S"},
                                  {.kind = NACRE_KIND_STRUCT, .first_field = 2, .n_fields = 2, .name = "P"},
                                  {.kind = NACRE_KIND_F64},
                                  {.kind = NACRE_KIND_OPTION, .elem = 4}};
    ck_assert_int_eq(check(t, 6, f, 4), 0);
    ck_assert_uint_eq(t[2].depth, 3);
    ck_assert(t[2].signable);
    ck_assert(!t[3].signable); /* a path field is not part of a signed value */
    ck_assert(!t[5].signable);
}
END_TEST

START_TEST(references_go_backwards)
{
    struct nacre_field_decl f[] = {{"self", 1, 0}};
    struct nacre_type_decl loop[] = {{.kind = NACRE_KIND_U8},
                                     {.kind = NACRE_KIND_STRUCT, .n_fields = 1, .name = "L"}};
    ck_assert_int_eq(check(loop, 2, f, 1), -EINVAL);
    struct nacre_type_decl vec[] = {{.kind = NACRE_KIND_VECTOR, .elem = 0}};
    ck_assert_int_eq(check(vec, 1, NULL, 0), -EINVAL);
}
END_TEST

START_TEST(structs_out_of_form)
{
    struct nacre_field_decl twice[] = {{"a", 0, 0}, {"a", 0, 0}};
    struct nacre_type_decl t[] = {{.kind = NACRE_KIND_U8},
                                  {.kind = NACRE_KIND_STRUCT, .n_fields = 2, .name = "S"}};
    ck_assert_int_eq(check(t, 2, twice, 2), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "'a' is declared twice"));
    t[1].n_fields = 0;
    ck_assert_int_eq(check(t, 2, twice, 2), -EINVAL); /* an empty struct would cost a vector no bytes */
    t[1].n_fields = 3;
    ck_assert_int_eq(check(t, 2, twice, 2), -EINVAL);
    t[1].n_fields = 1;
    t[1].first_field = UINT32_MAX;
    ck_assert_int_eq(check(t, 2, twice, 2), -EINVAL);
    t[1].first_field = 0;
    t[1].name = "9S";
    ck_assert_int_eq(check(t, 2, twice, 2), -EINVAL);
    t[1].name = NULL;
    ck_assert_int_eq(check(t, 2, twice, 2), -EINVAL);
    struct nacre_field_decl bad_name[] = {{"a-b", 0, 0}};
    t[1].name = "S";
    ck_assert_int_eq(check(t, 2, bad_name, 1), -EINVAL);
    struct nacre_field_decl bad_source[] = {{"a", 0, 7}};
    ck_assert_int_eq(check(t, 2, bad_source, 1), -EINVAL);
}
END_TEST

START_TEST(limits)
{
    struct nacre_type_decl t[NACRE_TYPE_DEPTH + 1] = {{.kind = NACRE_KIND_U8}};
    for (uint32_t i = 1; i <= NACRE_TYPE_DEPTH; i++)
        t[i] = (struct nacre_type_decl){.kind = NACRE_KIND_VECTOR, .elem = i - 1};
    ck_assert_int_eq(check(t, NACRE_TYPE_DEPTH, NULL, 0), 0);
    ck_assert_int_eq(check(t, NACRE_TYPE_DEPTH + 1, NULL, 0), -EINVAL);
    struct nacre_type_decl kind = {.kind = NACRE_KIND_JSON + 1};
    ck_assert_int_eq(check(&kind, 1, NULL, 0), -EINVAL);
    kind.kind = 0;
    ck_assert_int_eq(check(&kind, 1, NULL, 0), -EINVAL);
    ck_assert_int_eq(check(&kind, NACRE_TYPES_MAX + 1, NULL, 0), -EINVAL);
    struct nacre_type_decl options[] = {{.kind = NACRE_KIND_U8},
                                        {.kind = NACRE_KIND_OPTION, .elem = 0},
                                        {.kind = NACRE_KIND_OPTION, .elem = 1}};
    ck_assert_int_eq(check(options, 3, NULL, 0), -EINVAL);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, good_tables_get_depth_and_signable);
    tcase_add_test(tc, references_go_backwards);
    tcase_add_test(tc, structs_out_of_form);
    tcase_add_test(tc, limits);
}

int main(void)
{
    return nacre_run_suite("types", add, 10);
}
