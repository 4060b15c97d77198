/* The confinement of the tests: nacre-app's own filters; under sanitizers less, because their reports need files. */
#include "fetch_support.h"

#include <app/sandbox.h>
#include <common/sandbox.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef NACRE_SANITIZED
static void install(void)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
    ck_assert_ptr_nonnull(ctx);
    ck_assert_int_eq(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 0), 0);
    ck_assert_int_eq(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EINPROGRESS), SCMP_SYS(connect), 0), 0);
    ck_assert_int_eq(seccomp_load(ctx), 0);
    seccomp_release(ctx);
}
#else
static void install(void)
{
    ck_assert_int_eq(nacre_sandbox_basics(), 0);
    ck_assert_int_eq(nacre_app_sandbox_first(), 0);
    ck_assert_int_eq(nacre_app_sandbox_second(), 0);
    ck_assert_int_lt(open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
    ck_assert_int_eq(errno, EPERM);
}
#endif

void fetch_confine(void)
{
    install();
    ck_assert_int_lt(socket(AF_INET, SOCK_STREAM, 0), 0);
    ck_assert_int_eq(errno, EPERM);
}
