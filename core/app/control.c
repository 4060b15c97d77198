/* control.c - the control socket: what nacred says, and the few things it is told. */
#include "app.h"

#include <common/log.h>

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <unistd.h>

/* Workers block in receive and send; whoever made the pair may have made it otherwise. */
static void make_blocking(int fd)
{
    int flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);
    if (flags >= 0 && (flags & O_NONBLOCK))
        (void)fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

static void on_lane(struct nacre_app *app, const struct nacre_lane_frame *f)
{
    size_t next = 0;
    int request = f->what & NACRE_LANE_REQUEST ? nacre_inbox_take_fd(&app->inbox, next++) : -1;
    int result = f->what & NACRE_LANE_SIGNED ? nacre_inbox_take_fd(&app->inbox, next) : -1;
    make_blocking(request);
    make_blocking(result);
    int err = nacre_lanes_set(&app->lanes, f->lane, f->n_lanes, request, result);
    if (err)
        nacre_log_event(NACRE_LEVEL_ERROR, "lane refused", NLI("lane", f->lane), NLI("lanes", f->n_lanes),
                        NLI("error", -err));
    if (err == -ENOMEM) /* whoever asks over this lane would wait in vain: better to be started anew */
        _exit(1);
}

/* Wiped with the inbox as soon as this returns. */
static int on_secrets(struct nacre_app *app, char why[NACRE_WHY])
{
    if (app->has_secrets) {
        nacre_log_event(NACRE_LEVEL_WARN, "secrets came twice, wiped", NLI("bytes", app->inbox.payload_len));
        return 0;
    }
    app->has_secrets = true;
    return nacre_secrets_parse(&app->secrets, &app->manifest, (const char *)app->inbox.payload,
                               app->inbox.payload_len, why, NACRE_WHY);
}

static void on_connected(struct nacre_app *app, const struct nacre_connected_frame *f)
{
    nacre_pending_connected(&app->pending, f->id, f->error, nacre_inbox_take_fd(&app->inbox, 0));
}

/* The fixed part begins with the head, and receive has checked that all of it came. */
static int dispatch(struct nacre_app *app, char why[NACRE_WHY])
{
    const void *frame = app->inbox.head;
    switch (app->inbox.head->type) {
    case NACRE_FRAME_LANE:
        on_lane(app, frame);
        return 0;
    case NACRE_FRAME_TIME:
        nacre_app_clock_set(&app->clock, frame, nacre_monotonic_ns());
        return 0;
    case NACRE_FRAME_SECRETS:
        return on_secrets(app, why);
    case NACRE_FRAME_CONNECTED:
        on_connected(app, frame);
        return 0;
    case NACRE_FRAME_BOX_KEY: {
        const struct nacre_box_key_frame *f = frame;
        nacre_pending_box_key(&app->pending, f->id, f->error, f->key);
        return 0;
    }
    case NACRE_FRAME_STOP:
        nacre_app_stop(app);
        return 0;
    default:
        nacre_log_event(NACRE_LEVEL_WARN, "control message is not for nacre-app",
                        NLI("type", app->inbox.head->type));
        return 0;
    }
}

int nacre_control_receive(struct nacre_app *app, char why[NACRE_WHY])
{
    int got = nacre_frame_receive(NACRE_FD_CONTROL, &app->inbox, NACRE_PAYLOAD_MAX, false);
    if (got == -EBADMSG)
        nacre_log_event(NACRE_LEVEL_WARN, "control message is out of form", NLS("peer", "nacred"));
    if (got == -ENOMEM) { /* secrets: nobody sends them twice */
        (void)snprintf(why, NACRE_WHY, "no memory for a control message");
        return got;
    }
    if (got == -EINTR || got == -EBADMSG)
        return 1;
    if (got <= 0)
        return 0;
    int err = dispatch(app, why);
    nacre_inbox_clear(&app->inbox); /* keys and secrets do not wait for the next message */
    return err ? err : 1;
}

void *nacre_control_run(void *arg)
{
    struct nacre_app *app = arg;
    char why[NACRE_WHY];
    while (nacre_control_receive(app, why) == 1)
        continue;
    /* without nacred there is nobody to answer to; it also takes us down with it, this is only sooner */
    nacre_pending_close(&app->pending);
    if (!atomic_load(&app->stopping)) {
        nacre_log_event(NACRE_LEVEL_ERROR, "nacred is gone", NLS("action", "exit"));
        _exit(1);
    }
    return NULL;
}

static int tell(uint32_t type, const char *text)
{
    struct nacre_plain_frame frame = {.head.type = type};
    return nacre_frame_send(NACRE_FD_CONTROL, &frame, text, text ? strlen(text) : 0, NULL, 0, NULL, 0);
}

int nacre_control_ready(void)
{
    return tell(NACRE_FRAME_READY, NULL);
}

int nacre_control_failed(const char *why)
{
    return tell(NACRE_FRAME_FAILED, why);
}
