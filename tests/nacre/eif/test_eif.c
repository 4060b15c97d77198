#include "make_image.h"

#include <eif/pcrs_text.h>
#include <errno.h>

static char why[512];
static struct nacre_blob app, image;
static struct nacre_eif eif;

static void set_up(void)
{
    make_app(&app);
    make_image(&image, &app, NULL);
    ck_assert_int_eq(nacre_eif_read(&eif, image.data, image.len, why, sizeof why), 0);
}

static void tear_down(void)
{
    nacre_blob_free(&app);
    nacre_blob_free(&image);
}

/* What is written is read back, and every section lies where the table says. */
START_TEST(sections_come_back)
{
    ck_assert_uint_eq(eif.count, 5);
    ck_assert_uint_eq(eif.crc, eif.computed_crc);
    ck_assert_uint_eq(eif.memory, 1u << 30);
    ck_assert_uint_eq(eif.sections[0].offset, NACRE_EIF_HEADER + NACRE_EIF_SECTION_HEADER);
    ck_assert_mem_eq(eif.sections[4].data, app.data, app.len);
    ck_assert_ptr_eq(nacre_eif_ramdisk(&eif, 0), &eif.sections[3]);
    ck_assert_ptr_eq(nacre_eif_ramdisk(&eif, 1), &eif.sections[4]);
    ck_assert_ptr_null(nacre_eif_ramdisk(&eif, 2));
    ck_assert_ptr_null(nacre_eif_find(&eif, NACRE_EIF_SIGNATURE));
}
END_TEST

/* Cut at any byte it is refused, and the output stays as it was. */
START_TEST(every_truncation_is_refused)
{
    struct nacre_eif before = eif;
    for (size_t len = 0; len < image.len; len++) {
        why[0] = '\0';
        ck_assert_int_eq(nacre_eif_read(&eif, image.data, len, why, sizeof why), -EBADMSG);
        ck_assert_ptr_nonnull(strstr(why, "offset"));
    }
    ck_assert_mem_eq(&before, &eif, sizeof eif);
}
END_TEST

/* One flipped bit anywhere: refused, or the CRC no longer fits. */
START_TEST(no_bit_goes_unnoticed)
{
    for (size_t at = 0; at < image.len; at++) {
        struct nacre_eif changed;
        image.data[at] ^= 0x10;
        if (nacre_eif_read(&changed, image.data, image.len, why, sizeof why) == 0)
            ck_assert_msg(changed.crc != changed.computed_crc, "byte %zu", at);
        image.data[at] ^= 0x10;
    }
}
END_TEST

/* The constant of an image with one ramdisk, from AWS's documentation of the rule. */
START_TEST(nothing_has_a_measurement)
{
    struct nacre_eif_pcrs pcrs;
    char hex[NACRE_SHA384_HEX];
    eif.count = 4;
    ck_assert_int_eq(nacre_eif_measure(&pcrs, &eif), 0);
    nacre_hex(hex, pcrs.pcr2, NACRE_SHA384_LEN);
    ck_assert_str_eq(hex,
                     "21b9efbc184807662e966d34f390821309eeac6802309798826296bf3e8bec7c10edb30948c90ba6731"
                     "0f7b964fc500a");
    ck_assert_mem_eq(pcrs.pcr0, pcrs.pcr1, NACRE_SHA384_LEN);
}
END_TEST

START_TEST(the_text_of_measurements_is_compared_strictly)
{
    struct nacre_eif_pcrs pcrs;
    struct nacre_blob text = {0};
    ck_assert_int_eq(nacre_eif_measure(&pcrs, &eif), 0);
    nacre_pcrs_text(&text, &pcrs);
    const char *t = (const char *)text.data;
    ck_assert_int_eq(nacre_pcrs_compare(&pcrs, "f", t, text.len, why, sizeof why), 0);
    for (size_t len = 0; len + 1 < text.len; len++)
        ck_assert_int_eq(nacre_pcrs_compare(&pcrs, "f", t, len, why, sizeof why), -EBADMSG);
    text.data[150] ^= 1;
    ck_assert_int_eq(nacre_pcrs_compare(&pcrs, "f", t, text.len, why, sizeof why), -EBADMSG);
    ck_assert_ptr_nonnull(strstr(why, "f:2: "));
    nacre_blob_free(&text);
}
END_TEST

START_TEST(an_image_past_the_limit_is_not_written)
{
    struct nacre_blob out = {0};
    eif.sections[3].size = NACRE_EIF_FILE_MAX;
    ck_assert_int_eq(nacre_eif_write(&out, &eif, why, sizeof why), -EFBIG);
    eif.sections[3].size = SIZE_MAX;
    ck_assert_int_eq(nacre_eif_write(&out, &eif, why, sizeof why), -EFBIG);
    ck_assert_ptr_null(out.data);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, sections_come_back);
    tcase_add_test(tc, every_truncation_is_refused);
    tcase_add_test(tc, no_bit_goes_unnoticed);
    tcase_add_test(tc, nothing_has_a_measurement);
    tcase_add_test(tc, the_text_of_measurements_is_compared_strictly);
    tcase_add_test(tc, an_image_past_the_limit_is_not_written);
}

int main(void)
{
    return nacre_run_suite("eif", add, 60);
}
