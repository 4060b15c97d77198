#include "fetch_support.h"

#include "fetch_broker.h"

#include <check.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

const struct nacre_fetch_module *module;

static struct nacre_manifest manifest;
static struct nacre_endpoint_decl allow[NACRE_ENDPOINTS_MAX];
static char *ca_pem;
static void *library;

uint64_t now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

/* ---- the upstream ----------------------------------------------------------------------------------------- */

static void run_upstream(int in, int out, int ca, const char *const *args)
{
    char script[512];
    const char *argv[16] = {"/usr/bin/python3", script, "--stdin", "--ca-out", "/dev/fd/3"};
    size_t n = 5;
    (void)snprintf(script, sizeof script, "%s/tests/support/upstream.py", NACRE_TEST_SOURCE);
    for (; *args && n < 15; args++)
        argv[n++] = *args;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)dup2(in, STDIN_FILENO);
    (void)dup2(out, STDOUT_FILENO);
    (void)dup2(ca, 3);
    (void)close_range(4, ~0u, 0);
    (void)execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

/* "port N", "pin HEX", "ready", a line each. */
static void read_start(struct upstream *up, int fd)
{
    char line[128] = "";
    FILE *said = fdopen(fd, "r");
    ck_assert_ptr_nonnull(said);
    while (strncmp(line, "ready", 5) != 0) {
        ck_assert_msg(fgets(line, sizeof line, said) != NULL, "the upstream did not start");
        if (strncmp(line, "port ", 5) == 0)
            up->port = (uint32_t)strtoul(line + 5, NULL, 10);
        else if (strncmp(line, "pin ", 4) == 0)
            ck_assert_int_eq(nacre_unhex(up->pin, sizeof up->pin, line + 4, 64), 0);
    }
    ck_assert_uint_ne(up->port, 0);
    (void)fclose(said);
}

void upstream_start(struct upstream *up, const char *const *args)
{
    int in[2], out[2];
    *up = (struct upstream){0};
    int ca = memfd_create("ca", MFD_CLOEXEC); /* no file: a confined test could not remove it */
    ck_assert_int_ge(ca, 0);
    ck_assert_int_eq(pipe2(in, O_CLOEXEC) + pipe2(out, O_CLOEXEC), 0);
    up->pid = fork();
    if (up->pid == 0)
        run_upstream(in[0], out[1], ca, args);
    (void)close(in[0]);
    (void)close(out[1]);
    up->input = in[1];
    read_start(up, out[0]);
    ck_assert_int_gt(pread(ca, up->ca, sizeof up->ca - 1, 0), 0);
    (void)close(ca);
}

void upstream_stop(struct upstream *up)
{
    (void)close(up->input);
    (void)waitpid(up->pid, NULL, 0);
}

/* ---- the module ------------------------------------------------------------------------------------------- */

static void load(const struct endpoint *endpoints, uint32_t n)
{
    library = dlopen(NACRE_FETCH_SO, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE); /* as nacre-app keeps it */
    ck_assert_msg(library != NULL, "%s", dlerror());
    module = dlsym(library, NACRE_FETCH_SYMBOL);
    ck_assert_ptr_nonnull(module);
    ck_assert_uint_eq(module->abi, NACRE_FETCH_ABI);
    ck_assert_uint_eq(module->struct_size, sizeof *module);
    for (uint32_t i = 0; i < n; i++) {
        allow[i] =
            (struct nacre_endpoint_decl){.host = endpoints[i].host,
                                         .port = endpoints[i].listed_port ? endpoints[i].listed_port : 443,
                                         .connect = "tcp:127.0.0.1:1"};
        if (endpoints[i].pin) {
            memcpy(allow[i].pins[0], endpoints[i].pin, 32);
            allow[i].n_pins = 1;
        }
    }
    nacre_config_defaults(&manifest.config);
    manifest.config.egress_connect_ms = 2000;
    manifest.allow = allow;
    manifest.n_allow = n;
}

void fetch_setup(const struct endpoint *endpoints, uint32_t n, const char *ca)
{
    char why[256] = "";
    load(endpoints, n);
    broker_start(endpoints, n);
    ca_pem = ca ? strdup(ca) : NULL;
    struct nacre_fetch_setup setup = {&manifest, (const uint8_t *)ca_pem, ca ? strlen(ca) : 0};
    int err = module->init(&setup, why, sizeof why);
    ck_assert_msg(err == 0, "init: %d %s", err, why);
}

int fetch_setup_refused(const struct endpoint *endpoints, uint32_t n, const char *ca, size_t ca_len,
                        char *why, size_t why_len)
{
    load(endpoints, n);
    struct nacre_fetch_setup setup = {&manifest, (const uint8_t *)ca, ca_len};
    int err = module->init(&setup, why, why_len);
    (void)dlclose(library);
    return err;
}

void fetch_teardown(void)
{
    module->thread_end();
    module->stop();
    broker_stop();
    free(ca_pem);
    (void)dlclose(library);
}

/* ---- one call --------------------------------------------------------------------------------------------- */

static void *call_alloc(void *ctx, uint64_t size)
{
    struct call *c = ctx;
    if (size > c->alloc_left || c->n_memory == sizeof c->memory / sizeof c->memory[0])
        return NULL;
    c->alloc_left -= size;
    return c->memory[c->n_memory++] = calloc(1, size);
}

static int32_t call_fail(void *ctx, int32_t status, const char *text)
{
    struct call *c = ctx;
    ck_assert_int_eq(c->failed, 0);
    c->failed = status;
    (void)snprintf(c->text, sizeof c->text, "%s", text);
    return status;
}

static uint64_t call_remaining(void *ctx)
{
    const struct call *c = ctx;
    return c->gone_ms && now_ms() >= c->gone_ms ? 0 : 5000;
}

static int call_connect(void *ctx, uint32_t endpoint, uint32_t timeout_ms)
{
    (void)ctx;
    ck_assert_uint_ge(timeout_ms, 1);
    ck_assert_uint_le(timeout_ms, manifest.config.egress_connect_ms);
    return broker_connect(endpoint);
}

void call_init(struct call *c, const char *method, const char *url)
{
    *c = (struct call){.alloc_left = UINT64_C(64) << 20};
    nacre_fetch_init(&c->request, &c->reply);
    c->request.method = nacre_str(method);
    c->request.url = nacre_str(url);
    c->request.max_reply = NACRE_FETCH_REPLY_MAX;
    c->request.timeout_ms = 5000;
    c->request.headers = c->headers;
}

void call_header(struct call *c, const char *name, const char *value)
{
    ck_assert_uint_lt(c->request.n_headers, 8);
    c->headers[c->request.n_headers++] = (struct nacre_header){nacre_str(name), nacre_str(value)};
}

void call_body(struct call *c, const char *body)
{
    c->request.body = nacre_bytes_of(nacre_str(body));
}

void call_run(struct call *c)
{
    const struct nacre_fetch_env env = {c, call_connect, call_alloc, call_fail, call_remaining};
    c->status = module->perform(&env, &c->request, &c->reply);
    ck_assert_int_eq(c->status, c->failed);
}

void call_free(struct call *c)
{
    for (size_t i = 0; i < c->n_memory; i++)
        free(c->memory[i]);
}

void call_get(struct call *c, const char *url)
{
    call_init(c, "GET", url);
    call_run(c);
    ck_assert_msg(c->status == 0, "%s: %d %s", url, c->status, c->text);
    ck_assert_uint_eq(c->reply.status, 200);
}

const struct nacre_header *find_field(const struct nacre_header *list, uint64_t n, const char *name)
{
    for (uint64_t i = 0; i < n; i++) {
        if (nacre_str_is(list[i].name, name))
            return &list[i];
    }
    return NULL;
}

int body_has(const struct call *c, const char *text)
{
    return c->reply.body.len && memmem(c->reply.body.ptr, c->reply.body.len, text, strlen(text)) != NULL;
}

long body_number(const struct call *c, const char *name)
{
    char key[64];
    char text[32] = "";
    int n = snprintf(key, sizeof key, "\"%s\":", name);
    const uint8_t *at =
        c->reply.body.len ? memmem(c->reply.body.ptr, c->reply.body.len, key, (size_t)n) : NULL;
    if (!at)
        return -1;
    at += n;
    size_t left = (size_t)(c->reply.body.ptr + c->reply.body.len - at);
    memcpy(text, at, left < sizeof text - 1 ? left : sizeof text - 1);
    return strtol(text, NULL, 10);
}

int check_endpoint(uint32_t endpoint, char *why, size_t why_len)
{
    struct call c;
    call_init(&c, "GET", "");
    const struct nacre_fetch_env env = {&c, call_connect, NULL, call_fail, call_remaining};
    return module->check(&env, endpoint, 2000, why, why_len);
}
