#include "make_image.h"

#include <errno.h>
#include <zlib.h>

static char why[512];
static struct nacre_cpio cpio;
static struct nacre_blob app, archive;

static void set_up(void)
{
    make_app(&app);
    ck_assert_int_eq(nacre_gunzip(&archive, app.data, app.len, why, sizeof why), 0);
}

static void tear_down(void)
{
    nacre_cpio_free(&cpio);
    nacre_blob_free(&app);
    nacre_blob_free(&archive);
}

START_TEST(an_apps_archive_comes_back)
{
    ck_assert_msg(nacre_app_ramdisk_audit(&cpio, app.data, app.len, why, sizeof why) == 0, "%s", why);
    ck_assert_uint_eq(cpio.n, 7);
    ck_assert_str_eq(cpio.entries[0].name, "app");
    ck_assert_str_eq(cpio.entries[2].name, "app/data"); /* made for its file */
    ck_assert_uint_eq(cpio.entries[2].mode, S_IFDIR | 0755);
    const struct nacre_cpio_entry *model = nacre_app_ramdisk_find(&cpio, "app/data/model");
    ck_assert_ptr_nonnull(model);
    ck_assert_uint_eq(model->mode, S_IFREG | 0644);
    ck_assert_mem_eq(model->data, "app/data/model", model->size);
}
END_TEST

/* The order in which entries are added does not show. */
START_TEST(order_does_not_count)
{
    struct nacre_cpio other = {0};
    struct nacre_blob again = {0};
    ck_assert_int_eq(nacre_cpio_read(&cpio, archive.data, archive.len, why, sizeof why), 0);
    for (size_t i = cpio.n; i-- > 0;) {
        const struct nacre_cpio_entry *e = &cpio.entries[i];
        uint8_t *copy = malloc(e->size + 1);
        ck_assert_ptr_nonnull(copy);
        if (e->size)
            memcpy(copy, e->data, e->size);
        ck_assert_int_eq(nacre_cpio_add(&other, e->name, e->mode, copy, e->size, why, sizeof why), 0);
    }
    ck_assert_int_eq(nacre_cpio_finish(&other, why, sizeof why), 0);
    ck_assert_int_eq(nacre_cpio_write(&again, &other), 0);
    ck_assert_uint_eq(again.len, archive.len);
    ck_assert_mem_eq(again.data, archive.data, archive.len);
    nacre_cpio_free(&other);
    nacre_blob_free(&again);
}
END_TEST

START_TEST(every_truncation_is_refused)
{
    for (size_t len = 0; len < archive.len; len++)
        ck_assert_int_eq(nacre_cpio_read(&cpio, archive.data, len, why, sizeof why), -EBADMSG);
    for (size_t len = 0; len < app.len; len++)
        ck_assert_int_eq(nacre_app_ramdisk_audit(&cpio, app.data, len, why, sizeof why), -EBADMSG);
    ck_assert_uint_eq(cpio.n, 0);
}
END_TEST

/* Every bit of a header counts: an archive is written in one way only. */
START_TEST(no_header_has_a_second_form)
{
    struct nacre_cpio got = {0};
    for (size_t at = 0; at < 110; at++) {
        archive.data[at] ^= 1;
        ck_assert_int_eq(nacre_cpio_read(&got, archive.data, archive.len, why, sizeof why), -EBADMSG);
        archive.data[at] ^= 1;
    }
}
END_TEST

static void round_trip(size_t len, int (*pack)(struct nacre_blob *, const uint8_t *, size_t))
{
    struct nacre_blob in = {0}, packed = {0}, out = {0};
    uint8_t *room = nacre_blob_room(&in, len);
    for (size_t i = 0; i < len; i++)
        room[i] = (uint8_t)(i * i >> 3);
    ck_assert_int_eq(pack(&packed, in.data, len), 0);
    ck_assert_msg(nacre_gunzip(&out, packed.data, packed.len, why, sizeof why) == 0, "%zu: %s", len, why);
    ck_assert_uint_eq(out.len, len);
    if (len)
        ck_assert_mem_eq(out.data, in.data, len);
    nacre_blob_free(&in);
    nacre_blob_free(&packed);
    nacre_blob_free(&out);
}

/* Around the size of a stored block, and of none. */
START_TEST(gzip_of_any_length)
{
    static const size_t lengths[] = {0, 1, 65534, 65535, 65536, 131070, 131071, 3000000};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        round_trip(lengths[i], nacre_gzip_stored);
        round_trip(lengths[i], nacre_gzip_deflated);
    }
}
END_TEST

/* Whoever audits a foreign image waits no longer for deep directories than for flat ones. */
START_TEST(many_names_far_down)
{
    enum { DEEP = 498, MANY = 60000 };
    char name[NACRE_CPIO_NAME_MAX + 1];
    for (size_t i = 0; i < 2 * DEEP; i++)
        name[i] = i % 2 ? '/' : 'd';
    for (unsigned i = 0; i < MANY; i++) {
        (void)snprintf(name + (size_t)2 * DEEP, 8, "%05u", i);
        ck_assert_int_eq(nacre_cpio_add(&cpio, name, S_IFREG | 0644, NULL, 0, why, sizeof why), 0);
    }
    ck_assert_int_eq(nacre_cpio_finish(&cpio, why, sizeof why), 0);
    ck_assert_uint_eq(cpio.n, DEEP + MANY); /* each directory once */
    ck_assert_str_eq(cpio.entries[0].name, "d");
    ck_assert_str_eq(cpio.entries[1].name, "d/d");
    ck_assert_uint_eq(cpio.entries[DEEP - 1].mode, S_IFDIR | 0755);
    ck_assert_uint_eq(cpio.entries[DEEP].mode, S_IFREG | 0644);
}
END_TEST

START_TEST(names)
{
    static const char *const good[] = {"a", "a/b", "...", "a b", "a/.b", "~", "a/..b"};
    static const char *const bad[] = {"",       "/",          "/a",   "a/",   "a//b",
                                      ".",      "..",         "a/.",  "a/..", "../a",
                                      "a/../b", "TRAILER!!!", "a\tb", "\x7f", "\xc3\xa9"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        ck_assert_msg(nacre_cpio_name_fault(good[i]) == NULL, "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(nacre_cpio_name_fault(bad[i]) != NULL, "%s", bad[i]);
    char name[NACRE_CPIO_NAME_MAX + 2];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    ck_assert_ptr_nonnull(nacre_cpio_name_fault(name));
    ck_assert_ptr_null(nacre_cpio_name_fault(name + 1));
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, an_apps_archive_comes_back);
    tcase_add_test(tc, order_does_not_count);
    tcase_add_test(tc, every_truncation_is_refused);
    tcase_add_test(tc, no_header_has_a_second_form);
    tcase_add_test(tc, gzip_of_any_length);
    tcase_add_test(tc, many_names_far_down);
    tcase_add_test(tc, names);
}

int main(void)
{
    return nacre_run_suite("eif_ramdisk", add, 30);
}
