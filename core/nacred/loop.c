#include "core.h"

#include "common/log.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define NS_PER_MS    1000000u
#define SECOND_NS    1000000000u
#define OWN_RETRY_MS 1000u
#define OWN_MAX_MS   60000u
#define SECRET_STEPS 4 /* connections looked at before everything else gets its turn */

static void on_signals(struct nacre_core *c)
{
    struct signalfd_siginfo info;
    while (read(c->signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            continue;
        nacre_log_event(NACRE_LEVEL_INFO, "stopping", NLS("signal", sigabbrev_np((int)info.ssi_signo)));
        nacre_helpers_stop(c, nacre_monotonic_ns());
    }
    nacre_helpers_reap(c);
}

/* Sooner when sooner was wanted meanwhile: the one that has come may not say yet what the next one shall. */
static void plan_own(struct nacre_core *c, uint64_t at_ns)
{
    if (at_ns < c->own_at_ns)
        c->own_at_ns = at_ns;
}

/* Our own document: the time, and what /get_attestation hands out. */
static void on_own(struct nacre_core *c, const struct nacre_nsm_result *r)
{
    uint64_t now = nacre_monotonic_ns();
    int verdict = r->error ? r->error : nacre_timekeeper_add(&c->time, &r->time);
    if (verdict < 0) {
        plan_own(c, now + c->own_wait_ms * NS_PER_MS);
        nacre_log_event(NACRE_LEVEL_WARN, "no time from the NSM",
                        NLS("reason", r->error ? r->why : "not exact enough"),
                        NLI("retry_in_ms", c->own_wait_ms));
        c->own_wait_ms = c->own_wait_ms * 2 > OWN_MAX_MS ? OWN_MAX_MS : c->own_wait_ms * 2;
    } else {
        c->own_wait_ms = OWN_RETRY_MS;
        plan_own(c,
                 now + (verdict == NACRE_CLOCK_UNSURE ? 1 : c->manifest.config.clock_interval_s) * SECOND_NS);
    }
    if (!r->error) {
        c->document_len = r->answer.document_len;
        memcpy(c->document, r->answer.document, c->document_len);
        c->document_ns = r->time.after_ns;
        nacre_send_document(c);
    }
    nacre_send_time(c);
    nacre_send_state(c);
    nacre_send_secrets(c);
}

/* Takes what the NSM's thread has, until nacre-http must first read what it got before. */
static void on_nsm(struct nacre_core *c)
{
    while (c->result_waits || nacre_nsm_thread_take(&c->nsm, &c->result)) {
        if (c->result.recipient)
            nacre_kms_document(c, &c->result);
        else if (c->result.id == 0)
            on_own(c, &c->result);
        c->result_waits = c->result.id != 0 && !nacre_send_attested(c, &c->result);
        if (c->result_waits)
            break;
    }
}

/* Documents name the very blob that was taken: whoever sealed two can tell which one arrived. */
void nacre_attest_anew(struct nacre_core *c)
{
    uint8_t user_data[NACRE_USER_DATA_MAX];
    const uint8_t *tls = nacre_tls_attested(&c->tls);
    int len =
        nacre_document_user_data(user_data, &c->manifest, c->keys,
                                 c->secrets.form == NACRE_SECRETS_SEALED ? c->secrets.blob_id : NULL, tls);
    if (len < 0) /* it fitted when the key was made */
        return;
    nacre_nsm_thread_user_data(&c->nsm, user_data, (size_t)len);
    if (tls || !nacre_config_tls(&c->manifest.config))
        c->own_at_ns = nacre_monotonic_ns();
}

void nacre_secrets_settled(struct nacre_core *c)
{
    /* wherever they came from: nothing of that run is left beside the plugin, which is loaded now */
    nacre_kms_end(c);
    nacre_tls_came(c);
    if (c->secrets.form == NACRE_SECRETS_SEALED)
        nacre_attest_anew(c);
    nacre_send_state(c);
    nacre_send_secrets(c);
}

static void on_secrets(struct nacre_core *c)
{
    const char *what;
    uint64_t refused = c->secrets.refused;
    bool settled = c->secrets.settled;
    for (int i = 0; i < SECRET_STEPS && nacre_secrets_step(&c->secrets, nacre_monotonic_ns(), &what); i++)
        if (c->secrets.why[0])
            nacre_log_event(NACRE_LEVEL_WARN, what, NLS("reason", c->secrets.why));
        else
            nacre_log_event(NACRE_LEVEL_INFO, what,
                            NLI("bytes", c->secrets.len ? c->secrets.len : c->secrets.credentials_len));
    if (settled != c->secrets.settled)
        nacre_secrets_settled(c);
    else if (refused != c->secrets.refused)
        nacre_send_state(c);
}

static void dispatch(struct nacre_core *c, uint64_t data)
{
    switch ((enum nacre_event)(data >> 32)) {
    case NACRE_ON_SIGNAL:
        on_signals(c);
        break;
    case NACRE_ON_HTTP:
        nacre_control_receive(c, &c->http);
        on_nsm(c);
        break;
    case NACRE_ON_APP:
        nacre_control_receive(c, &c->app);
        break;
    case NACRE_ON_NSM:
        on_nsm(c);
        break;
    case NACRE_ON_SECRETS:
        on_secrets(c);
        break;
    case NACRE_ON_CONNECT:
        nacre_broker_event(&c->broker, (uint32_t)data);
        break;
    case NACRE_ON_KMS:
        nacre_kms_receive(c);
        break;
    case NACRE_ON_KMS_CONNECT:
        nacre_broker_event(&c->kms.broker, (uint32_t)data);
        break;
    }
}

/* Does what is due, and returns when something is due next. */
static uint64_t on_time(struct nacre_core *c, uint64_t now)
{
    if (c->tick_at_ns <= now) {
        c->tick_at_ns = now + SECOND_NS;
        on_secrets(c);
        on_nsm(c);
        nacre_send_time(c);
        nacre_send_state(c);
    }
    nacre_control_tick(c, now);
    if (c->own_at_ns <= now) {
        c->own_at_ns = UINT64_MAX; /* until it is here */
        nacre_nsm_thread_own(&c->nsm);
    }
    if (c->kill_at_ns <= now) {
        c->kill_at_ns = UINT64_MAX;
        nacre_helper_kill(&c->http, "did not stop in time");
        nacre_helper_kill(&c->app, "did not stop in time");
    }
    uint64_t next = c->tick_at_ns, helpers = nacre_helpers_tick(c, now),
             broker = nacre_broker_expire(&c->broker, now), kms = nacre_kms_tick(c, now);
    const uint64_t others[] = {c->own_at_ns, c->kill_at_ns, helpers, broker, kms};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        next = others[i] < next ? others[i] : next;
    return next;
}

void nacre_run(struct nacre_core *c)
{
    while (!c->stopping || c->http.pid || c->app.pid) {
        uint64_t now = nacre_monotonic_ns(), next = on_time(c, now);
        /* one event a turn: handling it may close what the next one would be about */
        struct epoll_event event;
        int wait_ms =
            next <= now ? 0 : (int)((next - now + NS_PER_MS - 1) / NS_PER_MS); /* at most the tick's 1000 */
        int n = epoll_wait(c->epoll, &event, 1, wait_ms);
        if (n == 1)
            dispatch(c, event.data.u64);
    }
}
