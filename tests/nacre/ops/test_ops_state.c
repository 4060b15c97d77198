#include "ops/state.h"
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[PATH_MAX / 2], config[PATH_MAX], path[PATH_MAX], text[65536], why[2048];
static struct nacre_ops_state s, t;

static void put(const char *name, const char *content)
{
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    (void)fputs(content, f);
    (void)fclose(f);
}

static const char *get(const char *name)
{
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "r");
    text[0] = '\0';
    if (f) {
        text[fread(text, 1, sizeof text - 1, f)] = '\0';
        (void)fclose(f);
    }
    return text;
}

static void begin(void)
{
    char yaml[PATH_MAX * 2];
    (void)snprintf(dir, sizeof dir, "/tmp/nacre-ops-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    (void)snprintf(yaml, sizeof yaml,
                   "enclaves_file: %s/enclaves.yaml\npid_file: %s/pid\nhealth: {listen: none}\n", dir, dir);
    put("host.yaml", yaml);
    (void)snprintf(config, sizeof config, "%s/host.yaml", dir);
}

static void end(void)
{
    static const char *const names[] = {"host.yaml",  "enclaves.yaml", "pid",
                                        "state.json", "lock",          "other.yaml"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(dir);
}

static struct nacre_ops_slot *fill(const char *name, uint32_t cid, enum nacre_ops_phase phase)
{
    struct nacre_ops_slot *slot = nacre_ops_state_add(&s, name);
    ck_assert_ptr_nonnull(slot);
    slot->cid = cid;
    slot->phase = phase;
    slot->since_s = 1764000000;
    slot->announced = phase >= NACRE_OPS_SERVING;
    (void)snprintf(slot->id, sizeof slot->id, "i-%u", cid);
    (void)snprintf(slot->connect, sizeof slot->connect, "vsock:%u", cid);
    (void)snprintf(slot->eif, sizeof slot->eif, "/a \"quoted\" path\\%u", cid);
    return slot;
}

START_TEST(what_is_written_is_read)
{
    ck_assert_msg(nacre_ops_state_open(&s, dir, config, true, why, sizeof why) == 0, "%s", why);
    ck_assert_uint_eq(s.n, 0);
    (void)fill("media", 16, NACRE_OPS_SERVING);
    (void)fill("media", 17, NACRE_OPS_STARTING);
    (void)snprintf(fill("sentinel", 18, NACRE_OPS_DRAINING)->allow, 256, "/allow: list");
    ck_assert_int_eq(nacre_ops_state_save(&s, why, sizeof why), 0);
    ck_assert_int_eq(nacre_ops_state_open(&t, dir, config, false, why, sizeof why), 0);
    ck_assert_uint_eq(t.n, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct nacre_ops_slot *a = &s.slot[i], *b = &t.slot[i];
        ck_assert(a->phase == b->phase && a->cid == b->cid && a->announced == b->announced &&
                  a->since_s == b->since_s);
        ck_assert_str_eq(a->name, b->name);
        ck_assert_str_eq(a->id, b->id);
        ck_assert_str_eq(a->connect, b->connect);
        ck_assert_str_eq(a->eif, b->eif);
        ck_assert_str_eq(a->allow, b->allow);
    }
    /* the daemon is told of those that it may know, and nothing else */
    ck_assert_str_eq(get("enclaves.yaml"),
                     "# Written by nacre host up and down; changes are lost.\n"
                     "enclaves:\n- name: \"media-16\"\n  connect: \"vsock:16\"\n  drain: false\n"
                     "- name: \"sentinel-18\"\n  connect: \"vsock:18\"\n  allow: \"/allow: list\"\n"
                     "  drain: true\n");
    nacre_ops_state_drop(&s, nacre_ops_state_find(&s, "media", NACRE_OPS_SERVING));
    ck_assert_ptr_null(nacre_ops_state_find(&s, "media", NACRE_OPS_SERVING));
    ck_assert_uint_eq(nacre_ops_state_find(&s, "media", NACRE_OPS_STARTING)->cid, 17);
    nacre_ops_state_drop(&s, nacre_ops_state_find(&s, "sentinel", NACRE_OPS_DRAINING));
    ck_assert_int_eq(nacre_ops_state_save(&s, why, sizeof why), 0);
    ck_assert_ptr_nonnull(strstr(get("enclaves.yaml"), "enclaves: []\n"));
    nacre_ops_state_close(&s);
}
END_TEST

START_TEST(one_at_a_time)
{
    ck_assert_int_eq(nacre_ops_state_open(&s, dir, config, true, why, sizeof why), 0);
    ck_assert_int_eq(nacre_ops_state_open(&t, dir, config, true, why, sizeof why), -EBUSY);
    ck_assert_int_eq(nacre_ops_state_open(&t, dir, config, false, why, sizeof why), 0); /* looking is free */
    nacre_ops_state_close(&s);
    ck_assert_int_eq(nacre_ops_state_open(&t, dir, config, true, why, sizeof why), 0);
    nacre_ops_state_close(&t);
}
END_TEST

static volatile sig_atomic_t hups;

static void on_hup(int number)
{
    (void)number;
    hups++;
}

START_TEST(the_daemon_hears_of_changes_alone)
{
    char pid[32];
    ck_assert(signal(SIGHUP, on_hup) != SIG_ERR);
    (void)snprintf(pid, sizeof pid, "%d\n", (int)getpid());
    put("pid", pid);
    ck_assert_int_eq(nacre_ops_state_open(&s, dir, config, true, why, sizeof why), 0);
    struct nacre_ops_slot *slot = fill("media", 16, NACRE_OPS_STARTING);
    ck_assert_int_eq(nacre_ops_state_save(&s, why, sizeof why), 0); /* the file is new */
    ck_assert_int_eq(hups, 1);
    ck_assert_int_eq(nacre_ops_state_save(&s, why, sizeof why), 0);
    ck_assert_int_eq(hups, 1);
    slot->phase = NACRE_OPS_SERVING;
    slot->announced = true;
    ck_assert_int_eq(nacre_ops_state_save(&s, why, sizeof why), 0);
    ck_assert_int_eq(hups, 2);
    static const char *const bad[] = {"", "x", "0", "1", "-5", "99999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) { /* never a group, never everybody */
        put("pid", bad[i]);
        slot->phase = slot->phase == NACRE_OPS_SERVING ? NACRE_OPS_DRAINING : NACRE_OPS_SERVING;
        ck_assert_int_eq(nacre_ops_state_save(&s, why, sizeof why), -EINVAL);
    }
    ck_assert_int_eq(hups, 2);
    nacre_ops_state_close(&s);
}
END_TEST

/* The daemon was killed, and its process id is somebody else's by now. */
START_TEST(another_program_is_left_alone)
{
    char pid[32];
    int ends[2], status = 0;
    ck_assert_int_eq(pipe(ends), 0);
    pid_t other = fork();
    if (other == 0) {
        (void)signal(SIGTERM, SIG_DFL); /* not that of the test program, which passes it on */
        (void)prctl(PR_SET_NAME, "other");
        (void)!write(ends[1], "x", 1);
        for (;;)
            (void)pause();
    }
    ck_assert_int_eq(read(ends[0], pid, 1), 1);
    (void)snprintf(pid, sizeof pid, "%d\n", (int)other);
    put("pid", pid);
    ck_assert_int_eq(nacre_ops_state_open(&s, dir, config, true, why, sizeof why), 0);
    fill("media", 16, NACRE_OPS_SERVING)->announced = true;
    ck_assert_int_eq(nacre_ops_state_save(&s, why, sizeof why), 0);
    ck_assert_ptr_nonnull(strstr(get("enclaves.yaml"), "media-16"));
    ck_assert_int_eq(kill(other, SIGTERM), 0); /* SIGHUP would be first */
    ck_assert_int_eq(waitpid(other, &status, 0), other);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    nacre_ops_state_close(&s);
    (void)close(ends[0]);
    (void)close(ends[1]);
}
END_TEST

START_TEST(names_and_configurations)
{
    static const char *const good[] = {"a", "media", "a-1", "0123456789abcdef0123456789abcdef"};
    static const char *const bad[] = {"",    "-a",  "a-",  "A",
                                      "a.b", "a/b", "a b", "0123456789abcdef0123456789abcdef0"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        ck_assert(nacre_ops_name_ok(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert(!nacre_ops_name_ok(bad[i]));
    char other[PATH_MAX];
    static const char *const yaml[] = {"", "pid_file: /x\n", "enclaves_file: none\n", "enclaves_file: [a]\n",
                                       "enclaves_file: &a b\n"};
    for (size_t i = 0; i < sizeof yaml / sizeof yaml[0]; i++) {
        put("other.yaml", yaml[i]);
        (void)snprintf(other, sizeof other, "%s", path);
        ck_assert_int_eq(nacre_ops_state_open(&s, dir, other, false, why, sizeof why), -EINVAL);
    }
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, what_is_written_is_read);
    tcase_add_test(tc, one_at_a_time);
    tcase_add_test(tc, the_daemon_hears_of_changes_alone);
    tcase_add_test(tc, another_program_is_left_alone);
    tcase_add_test(tc, names_and_configurations);
}

int main(void)
{
    return nacre_run_suite("ops/state", add, 20);
}
