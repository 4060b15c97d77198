/*
 * first-answer [--trace] PORT BODY COMMAND...: the time from the start of a runtime to the last byte of its first signed
 * answer. It executes COMMAND, whose API listens on 127.0.0.1:PORT, asks with BODY until there is an answer with a
 * signature, and ends it. Prints JSON: {"total_us":N,"events":[...]}.
 *
 * With --trace it also follows all processes with ptrace, which stops them at each fork, exec, exit and first thread and costs them
 * some 10 us each time; events are then when these happened. System calls run untraced.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_MAX 256u
#define GIVE_UP_NS 20000000000ull
#define OPTIONS                                                                                              \
    (PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC |                   \
     PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL)

struct event {
    uint64_t ns;
    pid_t pid, other; /* other: the new process or thread */
    const char *what;
    char name[17];
};

static struct event events[EVENTS_MAX];
static size_t n_events;
static uint64_t begin_ns;
static uint16_t port;
static const char *body;
static _Atomic uint64_t connected_ns, answered_ns;
static atomic_bool ended; /* nobody is left who could answer */

static uint64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void name_of(pid_t pid, char out[17])
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, out, 16);
    out[n > 0 ? n : 0] = '\0';
    out[strcspn(out, "\n")] = '\0';
    if (fd >= 0)
        (void)close(fd);
}

static void note(pid_t pid, const char *what, pid_t other)
{
    if (n_events == EVENTS_MAX)
        return;
    struct event *e = &events[n_events++];
    e->ns = now_ns();
    e->pid = pid;
    e->other = other;
    e->what = what;
    name_of(pid, e->name);
}

/* One attempt. True when a signed answer came. */
static bool ask(void)
{
    const struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    const struct timeval limit = {.tv_sec = 5};
    static char request[2048], answer[16384];
    size_t got = 0;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    int len = snprintf(request, sizeof request,
                       "POST /process_data HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
                       "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
                       strlen(body), body);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (connect(fd, (const struct sockaddr *)(const void *)&at, sizeof at) == 0) {
        if (!connected_ns)
            connected_ns = now_ns();
        if (send(fd, request, (size_t)len, MSG_NOSIGNAL) == len) {
            ssize_t n;
            while (got < sizeof answer - 1 && (n = recv(fd, answer + got, sizeof answer - 1 - got, 0)) > 0)
                got += (size_t)n;
        }
    }
    (void)close(fd);
    answer[got] = '\0';
    return strncmp(answer, "HTTP/1.1 200", 12) == 0 && strstr(answer, "\"signature\"");
}

static void *ask_until(void *arg)
{
    const struct timespec pause = {.tv_nsec = 100000};
    while (!ended && now_ns() - begin_ns < GIVE_UP_NS) {
        if (ask()) {
            answered_ns = now_ns();
            break;
        }
        (void)nanosleep(&pause, NULL);
    }
    if (!ended)
        (void)kill(*(const pid_t *)arg, SIGTERM);
    return NULL;
}

static pid_t start(char **command, bool trace)
{
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        char *const none[] = {NULL};
        (void)dup2(null, 0);
        (void)dup2(null, 1);
        (void)dup2(null, 2);
        if (null > 2)
            (void)close(null);
        if (trace)
            (void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        (void)execve(command[0], command, none);
        _exit(127);
    }
    return pid;
}

/* One stop of a traced process. */
static void on_stop(pid_t pid, int status)
{
    unsigned long message = 0;
    int signal_number = WSTOPSIG(status), event = status >> 16;
    switch (event) {
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK:
    case PTRACE_EVENT_CLONE:
        (void)ptrace(PTRACE_GETEVENTMSG, pid, NULL, &message);
        note(pid, event == PTRACE_EVENT_CLONE ? "clone" : "fork", (pid_t)message);
        if (event ==
            PTRACE_EVENT_CLONE) /* its first thread says enough, and a pool of them would cost milliseconds */
            (void)ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(uintptr_t)(OPTIONS & ~PTRACE_O_TRACECLONE));
        break;
    case PTRACE_EVENT_EXEC:
        note(pid, "exec", 0);
        break;
    case PTRACE_EVENT_EXIT:
        note(pid, "exit", 0);
        break;
    default:
        if (event || signal_number == SIGSTOP) /* a new one's first stop */
            break;
        (void)ptrace(PTRACE_CONT, pid, NULL, (void *)(intptr_t)signal_number);
        return;
    }
    (void)ptrace(PTRACE_CONT, pid, NULL, NULL);
}

static void follow(pid_t first)
{
    int status;
    bool gone = false;
    pid_t pid;
    while (!gone && (pid = waitpid(-1, &status, __WALL)) > 0) {
        if (WIFSTOPPED(status) && (status >> 16 || WSTOPSIG(status) != SIGSTOP))
            on_stop(pid, status);
        else if (WIFSTOPPED(status))
            (void)ptrace(PTRACE_CONT, pid, NULL, NULL);
        else if (pid == first)
            gone = true;
    }
}

static void print(void)
{
    (void)printf("{\"total_us\":%.1f,\"connected_us\":%.1f,\"events\":[",
                 (double)(answered_ns - begin_ns) / 1e3, (double)(connected_ns - begin_ns) / 1e3);
    for (size_t i = 0; i < n_events && events[i].ns <= answered_ns; i++)
        (void)printf("%s{\"us\":%.1f,\"pid\":%d,\"what\":\"%s\",\"other\":%d,\"name\":\"%s\"}", i ? "," : "",
                     (double)(events[i].ns - begin_ns) / 1e3, (int)events[i].pid, events[i].what,
                     (int)events[i].other, events[i].name);
    (void)puts("]}");
}

int main(int argc, char **argv)
{
    bool trace = argc > 1 && strcmp(argv[1], "--trace") == 0;
    int status = 0;
    pthread_t asker;
    argv += trace;
    argc -= trace;
    if (argc < 4)
        return 2;
    port = (uint16_t)strtoul(argv[1], NULL, 10);
    body = argv[2];
    begin_ns = now_ns();
    pid_t pid = start(argv + 3, trace);
    if (pid < 0)
        return 1;
    if (trace) { /* stopped in its exec */
        if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
            ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(uintptr_t)OPTIONS)) {
            perror(argv[3]);
            return 1;
        }
        note(pid, "exec", 0);
        (void)ptrace(PTRACE_CONT, pid, NULL, NULL);
    }
    if (pthread_create(&asker, NULL, ask_until, &pid))
        return 1;
    if (trace)
        follow(pid);
    else
        (void)waitpid(pid, &status, 0);
    ended = true;
    (void)pthread_join(asker, NULL);
    if (!answered_ns) {
        (void)fprintf(stderr, "first-answer: no signed answer\n");
        return 1;
    }
    print();
    return 0;
}
