#include "sandbox.h"

#include "reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define REFUSE SCMP_ACT_ERRNO(EPERM)
/* The kernel takes an int and does not look at the rest of the register. */
#define IS(VALUE) SCMP_CMP_MASKED_EQ, 0xffffffffu, (scmp_datum_t)(VALUE)

/*
 * Root opens the memory of any process in /proc, that of nacred too. To read files that are somebody else's is all that
 * is kept, for a developer who is root: the helpers' own files need not be root's.
 */
static int drop_capabilities(void)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3] = {{0}};
    if (syscall(SYS_capget, &head, caps) < 0)
        return -errno;
    caps[0].effective &= 1u << CAP_DAC_READ_SEARCH;
    caps[0].permitted = caps[0].effective;
    caps[1].effective = caps[1].permitted = caps[0].inheritable = caps[1].inheritable = 0;
    return syscall(SYS_capset, &head, caps) < 0 ? -errno : 0;
}

int nacre_sandbox_basics(void)
{
    struct rlimit none = {0, 0};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ||
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
        return -errno;
    return drop_capabilities();
}

int nacre_sandbox_no_exec(void *ctx)
{
    int err =
        seccomp_rule_add(ctx, REFUSE, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC));
    if (!err)
        err = seccomp_rule_add(ctx, REFUSE, SCMP_SYS(mprotect), 1,
                               SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC));
    return err;
}

/* Ways to reach another process, or another host, through a call that is listed for a helper's own use. */
static int refuse_reach(void *ctx)
{
    static const int owners[] = {F_SETOWN, F_SETOWN_EX, F_SETSIG,
                                 F_NOTIFY}; /* whom a descriptor sends signals */
    int err =
        seccomp_rule_add(ctx, REFUSE, SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_NE, (scmp_datum_t)getpid(), 0));
    for (size_t i = 0; i < sizeof owners / sizeof owners[0] && !err; i++)
        err = seccomp_rule_add(ctx, REFUSE, SCMP_SYS(fcntl), 1, SCMP_A1(IS(owners[i])));
    /* what reports refused calls stays */
    if (!err)
        err = seccomp_rule_add(ctx, REFUSE, SCMP_SYS(rt_sigaction), 2, SCMP_A0(IS(SIGSYS)),
                               SCMP_A1(SCMP_CMP_NE, 0, 0));
    /* given away with unsent data, such a socket holds up whoever closes it, for as long as it says */
    if (!err)
        err = seccomp_rule_add(ctx, REFUSE, SCMP_SYS(setsockopt), 2, SCMP_A1(IS(SOL_SOCKET)),
                               SCMP_A2(IS(SO_LINGER)));
    /* connects a socket whose own connection has ended, to any address */
    if (!err)
        err = seccomp_rule_add(ctx, REFUSE, SCMP_SYS(sendto), 1,
                               SCMP_A3(SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, MSG_FASTOPEN));
    if (!err)
        err = seccomp_rule_add(ctx, REFUSE, SCMP_SYS(sendmsg), 1,
                               SCMP_A2(SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, MSG_FASTOPEN));
    return err;
}

/*
 * A filter without rules. Calls by another architecture's numbers (int 0x80, x32) would end the thread that makes them,
 * and leave a process behind that waits for it: here they are refused as calls are that have no name on the list.
 */
static scmp_filter_ctx new_filter(uint32_t otherwise, uint32_t foreign)
{
    scmp_filter_ctx ctx = nacre_reserve() < 0 ? NULL : seccomp_init(otherwise);
    if (ctx && seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, foreign) < 0) {
        seccomp_release(ctx);
        ctx = NULL;
    }
    return ctx;
}

int nacre_sandbox_refuse(int (*add)(void *ctx))
{
    scmp_filter_ctx ctx = new_filter(SCMP_ACT_ALLOW, SCMP_ACT_TRAP);
    if (!ctx)
        return -ENOMEM;
    /* no_new_privs is set already, and prctl() may not be allowed any more */
    int err = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0);
    if (!err)
        err = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
    if (!err)
        err = add(ctx);
    if (!err)
        err = seccomp_load(ctx);
    seccomp_release(ctx);
    return err;
}

static int add_names(scmp_filter_ctx ctx, const char *const *names, size_t n)
{
    int err = 0;
    for (size_t i = 0; i < n && !err; i++) {
        int nr = seccomp_syscall_resolve_name(names[i]);
        if (nr >= 0) /* else not on this architecture */
            err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr, 0);
    }
    return err;
}

/* A thread shares everything with its process; a fork would be a process that nobody supervises. */
static int add_threads(scmp_filter_ctx ctx)
{
    int err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                               SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM));
    if (err)
        return err;
    /* clone3 has its flags in memory, where a filter cannot see them */
    return seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

static int load_list(const char *const *names, size_t n, uint32_t otherwise, bool threads)
{
    scmp_filter_ctx ctx = new_filter(otherwise, otherwise);
    if (!ctx)
        return -ENOMEM;
    int err = add_names(ctx, names, n);
    if (!err && threads)
        err = add_threads(ctx);
    if (!err)
        err = seccomp_load(ctx);
    seccomp_release(ctx);
    return err;
}

int nacre_sandbox_allow(const char *const *names, size_t n, int kill)
{
    int err = nacre_sandbox_report();
    if (!err)
        err = nacre_sandbox_refuse(refuse_reach);
    return err ? err : load_list(names, n, kill ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_TRAP, true);
}

int nacre_sandbox_list(const char *const *names, size_t n)
{
    int err = nacre_sandbox_report();
    return err ? err : load_list(names, n, SCMP_ACT_TRAP, false);
}
