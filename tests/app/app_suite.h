/* app_suite.h - what the programs that drive the real nacre-app share: one of it, and the sample plugin's answers. */
#ifndef NACRE_TESTS_APP_SUITE_H
#define NACRE_TESTS_APP_SUITE_H

#include "driver.h"
#include "plugins/sample.h"
#include "suite.h"

#include "common/bytes.h"

#include <string.h>

static struct driver d;
static struct driver_setup s;

static inline void setup(void)
{
    memset(&d, 0, sizeof d);
    driver_setup(&s);
}

static inline void teardown(void)
{
    driver_free(&d);
}

/* The fields of the sample's answer, out of the BCS in d.in. */
static inline struct sample_answer answer(void)
{
    static char text[1 << 20];
    static uint8_t data[1 << 20];
    struct nacre_reader r = nacre_reader(d.in.payload, d.in.payload_len);
    struct sample_answer a = {{text, 0}, 0, {data, 0}};
    for (int k = 0; k < 2; k++) {
        uint64_t len = 0;
        for (unsigned shift = 0;; shift += 7) {
            uint8_t b = nacre_read_u8(&r);
            len |= (uint64_t)(b & 0x7f) << shift;
            if (!(b & 0x80))
                break;
        }
        const uint8_t *p = nacre_read_bytes(&r, (size_t)len);
        ck_assert(p != NULL && len < sizeof text - 1);
        memcpy(k ? (void *)data : (void *)text, p, (size_t)len);
        if (k == 0) {
            text[len] = '\0';
            a.text.len = len;
            a.number = nacre_read_le(&r, 8);
        } else {
            a.data.len = len;
        }
    }
    ck_assert(!r.failed && r.at == r.end);
    return a;
}

static inline void fails(uint32_t route, const char *body, uint32_t status, const char *text)
{
    uint32_t got = driver_call(&d, route, body);
    ck_assert_msg(got == status && driver_text_is(&d, text), "%s: %u %.*s", body, got, (int)d.in.payload_len,
                  (const char *)d.in.payload);
}

static inline void stop(void)
{
    driver_send_plain(&d, NACRE_FRAME_STOP, NULL);
    int status = driver_end(&d);
    ck_assert_msg(status == 0, "exit status %d; log:\n%s", status, driver_log(&d));
}

/* Runs the tests of one program. */
static inline int app_suite(const char *name, void (*add)(TCase *))
{
    return nacre_run_suite(name, add, 60);
}

#endif
