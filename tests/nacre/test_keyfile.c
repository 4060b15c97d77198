#include "file.h"
#include "keyfile.h"
#include "scratch.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static const uint8_t key[4] = {0xde, 0xad, 0xbe, 0xef};
static uint8_t back[4];
static char why[512];

static void write_text(const char *text)
{
    ck_assert_int_eq(nacre_file_write(scratch_path("k"), text, strlen(text), why, sizeof why), 0);
    ck_assert_int_eq(chmod(scratch_path("k"), 0600), 0);
}

static int load(const char *word)
{
    memset(back, 0, sizeof back);
    return nacre_keyfile_load(back, sizeof back, scratch_path("k"), word, why, sizeof why);
}

START_TEST(made_and_read)
{
    struct stat st;
    (void)umask(0);
    ck_assert_int_eq(nacre_keyfile_create(scratch_path("k"), "word", key, sizeof key, why, sizeof why), 0);
    ck_assert_int_eq(stat(scratch_path("k"), &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    ck_assert_int_eq(load("word"), 0);
    ck_assert_mem_eq(back, key, sizeof key);
    ck_assert_int_eq(load("other"), -EINVAL);
    ck_assert_int_eq(nacre_keyfile_create(scratch_path("k"), "word", back, sizeof back, why, sizeof why),
                     -EEXIST);
    ck_assert_int_eq(load("word"), 0); /* as it was */
    ck_assert_mem_eq(back, key, sizeof key);
}
END_TEST

START_TEST(refused)
{
    static const char *const bad[] = {"",
                                      "word",
                                      "word ",
                                      "word deadbe\n",
                                      "word deadbeef00\n",
                                      "word deadbeeg\n",
                                      "worddeadbeef\n",
                                      "word  deadbeef\n",
                                      "word deadbeef\n\n"};
    ck_assert_int_eq(load("word"), -ENOENT);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        write_text(bad[i]);
        ck_assert_msg(load("word") == -EINVAL, "'%s'", bad[i]);
        ck_assert_ptr_null(strstr(why, "deadbe")); /* what it says is never the key */
    }
    write_text("word deadbeef");
    ck_assert_int_eq(load("word"), 0);
    ck_assert_int_eq(chmod(scratch_path("k"), 0640), 0);
    ck_assert_int_eq(load("word"), -EPERM);
    ck_assert_ptr_nonnull(strstr(why, "mode 640"));
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, scratch_make, scratch_remove);
    tcase_add_test(tc, made_and_read);
    tcase_add_test(tc, refused);
}

int main(void)
{
    return nacre_run_suite("keyfile", add, 20);
}
