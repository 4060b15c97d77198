/* sandbox_report.c - names a system call that the filter refused, so that nobody has to guess what a plugin tried. */
#include "sandbox.h"

#include "log.h"

#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#define CALLS 512u /* numbers that have a name on any architecture of ours are below */

/* Found beforehand: libseccomp allocates, and the signal may come in the middle of an allocation. */
static const char *names[CALLS];
static _Atomic uint64_t reported[CALLS / 64];
static atomic_bool reported_foreign;

/* Each call once: a plugin that tries for ever must not fill the log. */
static void report(unsigned nr)
{
    uint64_t bit = UINT64_C(1) << (nr % 64);
    if (atomic_fetch_or(&reported[nr / 64], bit) & bit)
        return;
    nacre_log_event(NACRE_LEVEL_WARN, "system call refused", NLS("call", names[nr] ? names[nr] : "unknown"),
                    NLI("nr", nr));
}

/* By numbers that mean something else: of another architecture, or of none. */
static void report_foreign(unsigned nr)
{
    if (!atomic_exchange(&reported_foreign, true))
        nacre_log_event(NACRE_LEVEL_WARN, "system call refused", NLS("call", "foreign"), NLI("nr", nr));
}

/* SIGSYS of a filter comes in place of the call, in the thread that made it: it gets EPERM as its result. */
static void on_refused(int signal, siginfo_t *info, void *context)
{
    ucontext_t *at = context;
    int saved = errno;
    /* one that a process has sent comes between any two instructions, and the register holds anything */
    if (info->si_code <= 0)
        _exit(128 + signal);
    if (info->si_arch == seccomp_arch_native() && (unsigned)info->si_syscall < CALLS)
        report((unsigned)info->si_syscall);
    else
        report_foreign((unsigned)info->si_syscall);
#if defined(__x86_64__)
    at->uc_mcontext.gregs[REG_RAX] = -EPERM;
#elif defined(__aarch64__)
    at->uc_mcontext.regs[0] = (unsigned long long)-EPERM;
#else
/* cppcheck-suppress preprocessorErrorDirective ; it tries to be no machine at all */
#error "which register has a system call's result?"
#endif
    errno = saved;
}

int nacre_sandbox_report(void)
{
    struct sigaction action = {.sa_sigaction = on_refused, .sa_flags = SA_SIGINFO | SA_RESTART};
    for (int nr = 0; nr < (int)CALLS; nr++)
        if (!names[nr])
            names[nr] = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, nr);
    (void)sigemptyset(&action.sa_mask);
    return sigaction(SIGSYS, &action, NULL) < 0 ? -errno : 0;
}
