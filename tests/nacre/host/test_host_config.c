#include "host/config.h"

#include "check_yaml.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char why[1024];

static int read_text(struct nacre_hd_config *c, const char *text)
{
    return nacre_hd_config_read(c, "h.yaml", text, strlen(text), why, sizeof why);
}

START_TEST(everything_can_be_set)
{
    struct nacre_hd_config c;
    ck_assert_msg(
        read_text(&c, "ingress:\n  - {listen: 'tcp:[::]:3000', port: 3001}\n  - listen: tcp:0.0.0.0:5000\n"
                      "enclaves:\n  - {name: a, connect: vsock:16, drain: true, allow: /x.yaml}\n"
                      "  - {name: b, connect: 'unix:/run/vm.vsock'}\n"
                      "  - {name: c, connect: 'tcp:127.0.0.1:3000'}\n"
                      "  - {name: d, connect: 'local:/run/d'}\n"
                      "enclaves_file: /run/e.yaml\n"
                      "egress: {allow: /a.yaml, private: [127.0.0.0/8, 'fd00::/8']}\n"
                      "limits: {idle_s: 5}\nlog: {level: debug}\n") == 0,
        "%s", why);
    ck_assert_uint_eq(c.n_ingress, 2);
    ck_assert_str_eq(c.ingress[0].listen.host, "::");
    ck_assert_uint_eq(c.ingress[0].port, 3001);
    ck_assert_uint_eq(c.ingress[1].port, 3000);
    ck_assert_uint_eq(c.n_enclaves, 4);
    ck_assert_int_eq(c.enclaves[0].place.kind, NACRE_HD_VSOCK);
    ck_assert_uint_eq(c.enclaves[0].place.cid, 16);
    ck_assert(c.enclaves[0].drain && !c.enclaves[1].drain);
    ck_assert_str_eq(c.enclaves[0].allow, "/x.yaml");
    ck_assert_int_eq(c.enclaves[1].place.kind, NACRE_HD_FIRECRACKER);
    ck_assert_str_eq(c.enclaves[1].place.path, "/run/vm.vsock");
    ck_assert_int_eq(c.enclaves[2].place.kind, NACRE_HD_TCP);
    ck_assert_uint_eq(c.enclaves[2].place.tcp.port, 3000);
    ck_assert_int_eq(c.enclaves[3].place.kind, NACRE_HD_LOCAL);
    ck_assert_uint_eq(c.n_private, 2);
    ck_assert_uint_eq(c.private_ranges[1].bits, 8);
    ck_assert_uint_eq(c.limits_idle_s, 5);
    ck_assert_uint_eq(c.limits_connections, 10000);
    ck_assert_str_eq(c.log_level, "debug");
}
END_TEST

static const struct refusal refusals[] = {
    {"ingres: []\n", "h.yaml:1: ingres: ", {"unknown key", "ingress", "limits"}},
    {"limits:\n  idle: 5\n", "h.yaml:2: limits.idle: ", {"unknown key", "idle_s"}},
    {"limits: {idle_s: 0}\n", "h.yaml:1: limits.idle_s: ", {"0 is outside 1 to 86400"}},
    {"limits: {idle_s: '5'}\n", "h.yaml:1: limits.idle_s: ", {"whole number", "text: '5'"}},
    {"limits: {idle_s: -5}\n", "h.yaml:1: limits.idle_s: ", {"whole number"}},
    {"limits: 5\n", "h.yaml:1: limits: ", {"expected a mapping"}},
    {"limits: {idle_s: 1, idle_s: 2}\n", "h.yaml:1: limits.idle_s: ", {"given twice"}},
    {"log: {level: loud}\n", "h.yaml:1: log.level: ", {"'loud'", "debug|info|warn|error"}},
    {"egress: {allow: 5}\n", "h.yaml:1: egress.allow: ", {"expected text"}},
    {"egress: {allow: ''}\n", "h.yaml:1: egress.allow: ", {"empty", "none"}},
    {"egress: {private: [10.0.0.0]}\n", "h.yaml:1: egress.private[0]: ", {"'10.0.0.0'", "range"}},
    {"egress: {private: [10.0.0.0/33]}\n", "h.yaml:1: egress.private[0]: ", {"'10.0.0.0/33'"}},
    {"egress: {resolver: 2}\n", "h.yaml:1: egress.resolver: ", {"unknown key", "resolvers", "private"}},
    {"health: {listen: 'tcp:localhost:80'}\n", "h.yaml:1: health.listen: ", {"numeric"}},
    {"health: {listen: 'vsock:80'}\n", "h.yaml:1: health.listen: ", {"tcp:ADDRESS:PORT"}},
    {"health: {path: health}\n", "h.yaml:1: health.path: ", {"'health'", "begins with '/'"}},
    {"health: {path: \"/a b\"}\n", "h.yaml:1: health.path: ", {"no space"}},
    {"health: {path: \"/a\\r\\nX: y\"}\n", "h.yaml:1: health.path: ", {"control character"}},
    {"ingress: {}\n", "h.yaml:1: ingress: ", {"a list"}},
    {"ingress: [5]\n", "h.yaml:1: ingress[0]: ", {"a mapping"}},
    {"ingress: [{port: 1}]\n", "h.yaml:1: ingress[0]: ", {"listen is missing"}},
    {"ingress: [{listen: 'tcp:0.0.0.0:1', port: 0}]\n", "h.yaml:1: ingress[0].port: ", {"0 is outside"}},
    {"ingress: [{listen: '0.0.0.0:1'}]\n", "h.yaml:1: ingress[0].listen: ", {"'0.0.0.0:1'", "tcp:"}},
    {"ingress: [{listen: 'tcp:0.0.0.0:70000'}]\n", "h.yaml:1: ingress[0].listen: ", {"70000"}},
    {"ingress: [{listen: 'tcp:0.0.0.0:1'}, {listen: 'tcp:0.0.0.0:1'}]\n",
     "h.yaml:1: ingress[1].listen: ",
     {"given twice"}},
    {"ingress: [{listen: 'tcp:0.0.0.0:1', to: 5}]\n", "h.yaml:1: ingress[0].to: ", {"unknown key"}},
    {"enclaves: [{name: a}]\n", "h.yaml:1: enclaves[0]: ", {"connect is missing"}},
    {"enclaves: [{connect: 'vsock:16'}]\n", "h.yaml:1: enclaves[0]: ", {"name is missing"}},
    {"enclaves: [{name: 'a b', connect: 'vsock:16'}]\n",
     "h.yaml:1: enclaves[0].name: ",
     {"'a b'", "letters"}},
    {"enclaves: [{name: a, connect: 'vsock:0'}]\n",
     "h.yaml:1: enclaves[0].connect: ",
     {"vsock:0", "CID from 1"}},
    {"enclaves: [{name: a, connect: 'vsock:4294967295'}]\n",
     "h.yaml:1: enclaves[0].connect: ",
     {"4294967295"}},
    {"enclaves: [{name: a, connect: 'tcp:host:80'}]\n", "h.yaml:1: enclaves[0].connect: ", {"tcp:host:80"}},
    {"enclaves: [{name: a, connect: 'unix:rel'}]\n", "h.yaml:1: enclaves[0].connect: ", {"absolute path"}},
    {"enclaves: [{name: a, connect: 'vsock:16', drain: yes}]\n",
     "h.yaml:1: enclaves[0].drain: ",
     {"true or false"}},
    {"enclaves: [{name: a, connect: 'vsock:16'}, {name: a, connect: 'vsock:17'}]\n",
     "h.yaml:1: enclaves[1]: ",
     {"called 'a'"}},
    {"enclaves: [{name: a, connect: 'vsock:16'}, {name: b, connect: 'vsock:16'}]\n",
     "h.yaml:1: enclaves[1]: ",
     {"'a' and 'b'", "vsock:16"}},
    {"enclaves: [{name: a, connect: 'vsock:16', weight: 2}]\n",
     "h.yaml:1: enclaves[0].weight: ",
     {"unknown key"}},
    {"pid_file: 5\n", "h.yaml:1: pid_file: ", {"expected text"}},
};

START_TEST(mistakes_are_refused_with_file_line_and_key)
{
    struct nacre_hd_config c, before;
    memset(&c, 0x5a, sizeof c);
    before = c;
    why[0] = '\0';
    ck_assert_int_eq(read_text(&c, refusals[_i].text), -EINVAL);
    check_refusal(&refusals[_i], why);
    ck_assert_mem_eq(&c, &before, sizeof c);
}
END_TEST

START_TEST(too_many_of_anything_is_refused)
{
    static char text[32768];
    struct nacre_hd_config c;
    size_t used = (size_t)snprintf(text, sizeof text, "enclaves:\n");
    for (unsigned i = 0; i <= NACRE_HD_ENCLAVES_MAX; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "  - {name: e%u, connect: 'vsock:%u'}\n", i,
                                 i + 4);
    ck_assert_int_eq(read_text(&c, text), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "more than 64 enclaves"));
    used = (size_t)snprintf(text, sizeof text, "ingress:\n");
    for (unsigned i = 0; i <= NACRE_HD_LISTEN_MAX; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "  - {listen: 'tcp:0.0.0.0:%u'}\n", i + 4);
    ck_assert_int_eq(read_text(&c, text), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "more than 16 entries"));
}
END_TEST

/* The shipped file is the documentation of the defaults: it must have all keys, and them as they are. */
START_TEST(shipped_file_shows_every_default)
{
    struct nacre_hd_config c, expected;
    static char text[65536];
    FILE *f = fopen(NACRE_HOST_CONFIG, "r");
    ck_assert_ptr_nonnull(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    (void)fclose(f);
    ck_assert_msg(nacre_hd_config_load(&c, NACRE_HOST_CONFIG, why, sizeof why) == 0, "%s", why);
    ck_assert_int_eq(read_text(&expected, ""), 0);
    ck_assert_mem_eq(&c, &expected, sizeof c);
    for (size_t i = 0; i < nacre_hd_n_keys; i++) {
        const struct nacre_hd_key *k = &nacre_hd_keys[i];
        char section[64], key[64];
        (void)snprintf(section, sizeof section, "\n%s:\n", k->section);
        (void)snprintf(key, sizeof key, "\n%s%s: ", k->section[0] ? "  " : "", k->key);
        const char *at = k->section[0] ? strstr(text, section) : text;
        ck_assert_msg(at && strstr(at, key), "%s.%s is not in the file", k->section, k->key);
    }
}
END_TEST

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    (void)fputs(text, f);
    (void)fclose(f);
}

START_TEST(second_file_adds_enclaves_and_may_be_absent)
{
    char dir[] = "/tmp/nacre-host-XXXXXX", main_path[64], more_path[64], text[256];
    struct nacre_hd_config c;
    ck_assert_ptr_nonnull(mkdtemp(dir));
    (void)snprintf(main_path, sizeof main_path, "%s/host.yaml", dir);
    (void)snprintf(more_path, sizeof more_path, "%s/more.yaml", dir);
    (void)snprintf(text, sizeof text, "enclaves: [{name: a, connect: 'vsock:16'}]\nenclaves_file: %s\n",
                   more_path);
    write_file(main_path, text);
    ck_assert_msg(nacre_hd_config_load(&c, main_path, why, sizeof why) == 0, "%s", why);
    ck_assert_uint_eq(c.n_enclaves, 1);
    write_file(more_path, "enclaves: [{name: b, connect: 'vsock:17'}]\n");
    ck_assert_msg(nacre_hd_config_load(&c, main_path, why, sizeof why) == 0, "%s", why);
    ck_assert_uint_eq(c.n_enclaves, 2);
    ck_assert_str_eq(c.enclaves[1].name, "b");
    write_file(more_path, "enclaves: [{name: a, connect: 'vsock:17'}]\n");
    ck_assert_int_eq(nacre_hd_config_load(&c, main_path, why, sizeof why), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "more.yaml:1: enclaves[0]: two enclaves"));
    write_file(more_path, "limits: {}\n");
    ck_assert_int_eq(nacre_hd_config_load(&c, main_path, why, sizeof why), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "enclaves alone"));
    (void)unlink(more_path);
    (void)unlink(main_path);
    ck_assert_int_eq(nacre_hd_config_load(&c, main_path, why, sizeof why), -ENOENT);
    ck_assert_ptr_nonnull(strstr(why, "host.yaml"));
    (void)rmdir(dir);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, everything_can_be_set);
    tcase_add_loop_test(tc, mistakes_are_refused_with_file_line_and_key, 0,
                        (int)(sizeof refusals / sizeof refusals[0]));
    tcase_add_test(tc, too_many_of_anything_is_refused);
    tcase_add_test(tc, shipped_file_shows_every_default);
    tcase_add_test(tc, second_file_adds_enclaves_and_may_be_absent);
}

int main(void)
{
    return nacre_run_suite("host_config", add, 30);
}
