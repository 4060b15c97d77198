#include "sample.h"
#include "suite.h"

#include <errno.h>
#include <string.h>

static uint8_t out[65536];
static char why[256];

static int64_t encode(const struct nacre_plugin *p)
{
    why[0] = '\0';
    return nacre_descriptor_encode(out, sizeof out, p, why, sizeof why);
}

START_TEST(prefix_names_both_values)
{
    struct nacre_plugin p = sample_plugin();
    ck_assert_int_eq(nacre_descriptor_prefix(&p, why, sizeof why), 0);
    p.magic[7] = 'X';
    ck_assert_int_eq(nacre_descriptor_prefix(&p, why, sizeof why), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "4e414352")); /* "NACR" found and expected */
    p = sample_plugin();
    p.abi_major = 2;
    ck_assert_int_eq(nacre_descriptor_prefix(&p, why, sizeof why), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "major 2"));
    ck_assert_ptr_nonnull(strstr(why, "has 1"));
    p = sample_plugin();
    p.struct_size = 16;
    ck_assert_int_eq(nacre_descriptor_prefix(&p, why, sizeof why), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "16 bytes"));
    p = sample_plugin();
    p.abi_minor = 9; /* newer minor, longer struct: what we know of it still stands where it stood */
    p.struct_size += 8;
    ck_assert_int_eq(nacre_descriptor_prefix(&p, why, sizeof why), 0);
}
END_TEST

START_TEST(same_bytes_every_time)
{
    struct nacre_plugin p = sample_plugin();
    int64_t n = encode(&p);
    ck_assert_int_gt(n, 0);
    uint8_t *first = malloc((size_t)n);
    memcpy(first, out, (size_t)n);
    memset(out, 0xff, sizeof out);
    ck_assert_int_eq(encode(&p), n);
    ck_assert_mem_eq(out, first, (size_t)n);
    for (int64_t cap = 0; cap < n; cap++)
        ck_assert_int_eq(nacre_descriptor_encode(out, (size_t)cap, &p, why, sizeof why), -ENOSPC);
    free(first);
}
END_TEST

START_TEST(changes_change_the_bytes)
{
    struct nacre_plugin p = sample_plugin();
    int64_t n = encode(&p);
    uint8_t *first = malloc((size_t)n);
    memcpy(first, out, (size_t)n);
    struct nacre_route route = sample_routes[0];
    route.max_body++;
    p.routes = &route;
    ck_assert(encode(&p) != n || memcmp(out, first, (size_t)n) != 0);
    free(first);
}
END_TEST

START_TEST(tables_out_of_form)
{
    struct nacre_plugin p = sample_plugin();
    p.route_size = 8;
    ck_assert_int_eq(encode(&p), -EINVAL);
    p = sample_plugin();
    p.intents = NULL;
    ck_assert_int_eq(encode(&p), -EINVAL);
    p = sample_plugin();
    p.n_secrets = 33;
    ck_assert_int_eq(encode(&p), -EINVAL);
    struct nacre_route route = sample_routes[0];
    p = sample_plugin();
    p.routes = &route;
    route.intent = 8;
    ck_assert_int_eq(encode(&p), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "intent 8"));
    route = sample_routes[0];
    route.handler = NULL;
    ck_assert_int_eq(encode(&p), -EINVAL);
    route = sample_routes[0];
    route.request = NULL;
    ck_assert_int_eq(encode(&p), -EINVAL);
}
END_TEST

START_TEST(types_out_of_form)
{
    struct nacre_plugin p = sample_plugin();
    struct nacre_intent intent = sample_intents[0];
    struct nacre_type type = sample_response_type;
    intent.response = &type;
    p.intents = &intent;
    ck_assert_int_gt(encode(&p), 0);
    type.struct_size = 8;
    ck_assert_int_eq(encode(&p), -EINVAL);
    type = sample_response_type;
    type.c_size = 4; /* fields reach past the struct */
    ck_assert_int_eq(encode(&p), -EINVAL);
    type = sample_response_type;
    type.kind = 99;
    ck_assert_int_eq(encode(&p), -EINVAL);
    type = sample_list;
    type.elem = NULL;
    ck_assert_int_eq(encode(&p), -EINVAL);
    type.elem = &type; /* a loop ends at the depth limit */
    ck_assert_int_eq(encode(&p), -EINVAL);
    type = nacre_type_u64;
    type.c_size = 4;
    ck_assert_int_eq(encode(&p), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "C size 4, expected 8"));
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, prefix_names_both_values);
    tcase_add_test(tc, same_bytes_every_time);
    tcase_add_test(tc, changes_change_the_bytes);
    tcase_add_test(tc, tables_out_of_form);
    tcase_add_test(tc, types_out_of_form);
}

int main(void)
{
    return nacre_run_suite("descriptor", add, 20);
}
