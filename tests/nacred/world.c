#include "world.h"

#include "published.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 20000

static void path_in(const struct world *w, const char *name, char path[PATH_MAX + 64])
{
    (void)snprintf(path, PATH_MAX + 64, "%s/%s", w->dir, name);
}

static void copy_program(const struct world *w, const char *from, const char *name)
{
    char source[PATH_MAX + 64], path[PATH_MAX + 64];
    static char buf[65536];
    const char *out = getenv("NACRE_OUT");
    (void)snprintf(source, sizeof source, "%s/%s", out ? out : ".", from);
    path_in(w, name, path);
    FILE *in = fopen(source, "rb");
    ck_assert_msg(in != NULL, "%s is not there: set NACRE_OUT to the build directory", source);
    FILE *to = fopen(path, "wb");
    ck_assert_ptr_nonnull(to);
    for (size_t n; (n = fread(buf, 1, sizeof buf, in)) > 0;)
        ck_assert_uint_eq(fwrite(buf, 1, n, to), n);
    (void)fclose(in);
    ck_assert_int_eq(fclose(to), 0);
    ck_assert_int_eq(chmod(path, 0700), 0);
}

/* What fake helpers write, which may not make files. */
static const char *const published[] = {"nacre-http.status", "nacre-http.document", "nacre-app.status",
                                        "nacre-app.secrets", "nacre-app.connected"};

void world_make(struct world *w)
{
    char path[PATH_MAX + 64];
    memset(w, 0, sizeof *w);
    make_dir(w->dir);
    copy_program(w, "bin/nacred", "nacred");
    copy_program(w, "tests/nacred-fake-helper", "nacre-http");
    copy_program(w, "tests/nacred-fake-helper", "nacre-app");
    for (size_t i = 0; i < sizeof published / sizeof published[0]; i++)
        world_clear(w, published[i]);
    path_in(w, "plugin", path);
    write_file(path, "not really a plugin", 19);
    nacre_sha384(w->digest, "not really a plugin", 19);
    nacre_config_defaults(&w->config);
    (void)snprintf(w->config.nsm_transport, NACRE_CONFIG_TEXT, "unix:%.200s/nsm", w->dir);
    (void)snprintf(w->config.listen_api, NACRE_CONFIG_TEXT, "tcp:127.0.0.1:0");
    w->config.http_threads = 2;
    w->config.restart_initial_ms = 1;
    w->config.restart_max_ms = 4;
    w->ready_fd = -1;
}

static void end_process(pid_t *pid)
{
    if (*pid > 0) {
        (void)kill(*pid, SIGKILL);
        (void)waitpid(*pid, NULL, 0);
    }
    *pid = 0;
}

void world_drop(struct world *w)
{
    end_process(&w->nacred);
    end_process(&w->sim);
    if (w->ready_fd >= 0)
        (void)close(w->ready_fd);
    (void)usleep(20000); /* the helpers of a killed nacred are ending */
    drop_dir(w->dir);
}

void world_script(const struct world *w, const char *helper, const char *word)
{
    char name[64], path[PATH_MAX + 64];
    (void)snprintf(name, sizeof name, "%s.script", helper);
    path_in(w, name, path);
    write_file(path, word, strlen(word));
}

/* Runs argv with `keep` (may be -1) left open and standard error to a file of the directory. */
static pid_t run(const struct world *w, char *const argv[], const char *log, int keep)
{
    char path[PATH_MAX + 64];
    path_in(w, log, path);
    pid_t pid = fork();
    if (pid == 0) {
        int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (fd < 0 || dup2(fd, STDERR_FILENO) < 0 || (keep >= 0 && fcntl(keep, F_SETFD, 0) < 0))
            _exit(95);
        (void)execv(argv[0], argv);
        _exit(96);
    }
    ck_assert_int_gt(pid, 0);
    return pid;
}

void world_start_sim(struct world *w, const char *option)
{
    char program[PATH_MAX + 64], socket_path[PATH_MAX + 64], control[PATH_MAX + 64], number[16],
        extra[128] = "", byte;
    const char *out = getenv("NACRE_OUT");
    int ready[2];
    (void)snprintf(program, sizeof program, "%s/bin/nacre-nsm-sim", out ? out : ".");
    path_in(w, "nsm", socket_path);
    path_in(w, "nsm-control", control);
    ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
    (void)snprintf(number, sizeof number, "%d", ready[1]);
    char fault[] = "--fault";
    char *argv[] = {program,     (char[]){"--socket"},
                    socket_path, (char[]){"--ready-fd"},
                    number,      (char[]){"--control"},
                    control,     option ? fault : NULL,
                    extra,       NULL};
    (void)snprintf(extra, sizeof extra, "%s", option ? option : "");
    (void)unlink(socket_path);
    (void)unlink(control);
    w->sim = run(w, argv, "sim.log", ready[1]);
    (void)close(ready[1]);
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
}

void world_start_nacred(struct world *w)
{
    char program[PATH_MAX + 64], manifest[PATH_MAX + 64], plugin[PATH_MAX + 64], number[16];
    size_t len;
    int ready[2];
    path_in(w, "nacred", program);
    path_in(w, "manifest", manifest);
    path_in(w, "plugin", plugin);
    uint8_t *data = make_manifest(&len, &weather_plugin, w->digest, &w->config, w->allow, w->n_allow);
    write_file(manifest, data, len);
    free(data);
    ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
    (void)snprintf(number, sizeof number, "%d", ready[1]);
    char *argv[] = {program, (char[]){"--manifest"}, manifest, (char[]){"--plugin"},
                    plugin,  (char[]){"--ready-fd"}, number,   NULL};
    w->nacred = run(w, argv, "log", ready[1]);
    (void)close(ready[1]);
    w->ready_fd = ready[0];
}

void world_await_ready(struct world *w)
{
    char line[128] = "";
    struct pollfd fd = {.fd = w->ready_fd, .events = POLLIN};
    ck_assert_msg(poll(&fd, 1, PATIENCE_MS) == 1 && read(w->ready_fd, line, sizeof line - 1) > 0,
                  "not ready: %s", world_tail(w));
    ck_assert_msg(strncmp(line, "ready ", 6) == 0 && strspn(line + 6, "0123456789abcdef") == 64, "'%s'",
                  line);
    memcpy(w->pk, line + 6, 64);
    w->port = (unsigned)strtoul(line + 71, NULL, 10);
    (void)close(w->ready_fd);
    w->ready_fd = -1;
}

void world_start(struct world *w)
{
    world_start_sim(w, NULL);
    world_start_nacred(w);
    world_await_ready(w);
}

int world_wait(struct world *w, int wait_ms)
{
    int status;
    for (int waited = 0; waited <= wait_ms; waited += 5) {
        if (waitpid(w->nacred, &status, WNOHANG) == w->nacred) {
            w->nacred = 0;
            return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
        }
        (void)usleep(5000);
    }
    return -1;
}

int world_stop(struct world *w)
{
    ck_assert_int_eq(kill(w->nacred, SIGTERM), 0);
    return world_wait(w, PATIENCE_MS);
}

void world_clear(const struct world *w, const char *name)
{
    char path[PATH_MAX + 64];
    path_in(w, name, path);
    write_file(path, "", 0);
}

const char *world_read(const struct world *w, const char *name)
{
    static char text[1 << 20];
    char path[PATH_MAX + 64];
    path_in(w, name, path);
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    FILE *f = fopen(path, "rb");
    if (f) /* a fake helper replaces its files under this lock */
        ck_assert_int_eq(fcntl(fileno(f), F_OFD_SETLKW, &lock), 0);
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    if (f)
        (void)fclose(f);
    text[n] = '\0';
    if (strncmp(name, "nacre-", 6) != 0 || n < WORLD_LENGTH)
        return text;
    char length[WORLD_LENGTH + 1] = "";
    memcpy(length, text, WORLD_LENGTH);
    size_t len = strtoul(length, NULL, 10);
    ck_assert_uint_le(WORLD_LENGTH + len, n);
    text[WORLD_LENGTH + len] = '\0';
    return text + WORLD_LENGTH;
}

const char *world_tail(const struct world *w)
{
    static char tail[3001]; /* a copy: other arguments of the message read other files */
    const char *log = world_read(w, "log");
    size_t len = strlen(log);
    (void)snprintf(tail, sizeof tail, "%s", len > 3000 ? log + len - 3000 : log);
    return tail;
}

long long world_number(const struct world *w, const char *name)
{
    char key[64];
    (void)snprintf(key, sizeof key, " %s=", name);
    const char *at = strstr(world_read(w, "nacre-http.status"), key);
    return at ? strtoll(at + strlen(key), NULL, 10) : -1;
}

void world_await(const struct world *w, const char *name, long long least)
{
    for (int waited = 0; world_number(w, name) < least; waited += 10) {
        ck_assert_msg(waited < PATIENCE_MS, "%s is %lld, not %lld; log: %s", name, world_number(w, name),
                      least, world_tail(w));
        (void)usleep(10000);
    }
}

pid_t world_helper(const struct world *w, const char *helper)
{
    char text[96];
    long pid = 0;
    (void)snprintf(text, sizeof text, "event=\"helper started\" helper=%s pid=", helper);
    for (const char *at = world_read(w, "log"); (at = strstr(at, text)); at += strlen(text))
        pid = strtol(at + strlen(text), NULL, 10);
    return (pid_t)pid;
}

int world_logged(const struct world *w, const char *text)
{
    int n = 0;
    for (const char *at = world_read(w, "log"); (at = strstr(at, text)); at += strlen(text))
        n++;
    return n;
}

void world_await_log(const struct world *w, const char *text, int times)
{
    for (int waited = 0; world_logged(w, text) < times; waited += 10) {
        ck_assert_msg(waited < PATIENCE_MS, "'%s' stands %d times in the log, not %d: %s", text,
                      world_logged(w, text), times, world_tail(w));
        (void)usleep(10000);
    }
}
