#include "host/http_answer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"

static const struct {
    const char *text;
    bool ended;
    int result, status;
    const char *body;
} cases[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", false, 1, 200, "{}"},
    {"HTTP/1.1 503 Service Unavailable\r\ncontent-length:\t2 \r\n\r\n{}", false, 1, 503, "{}"},
    {"HTTP/1.0 200\r\n\r\nall", true, 1, 200, "all"},
    {"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", false, 1, 204, ""},
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}more", false, 1, 200, "{}"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", false, 1, 200, ""},
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}", false, 1, 200, "{}"},
    /* not whole yet */
    {"", false, 0, 0, NULL},
    {"HTTP/1.1 20", false, 0, 0, NULL},
    {"HTTP/1.1 200 OK\r\n", false, 0, 0, NULL},
    {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}", false, 0, 0, NULL},
    {"HTTP/1.1 200 OK\r\n\r\nall", false, 0, 0, NULL},
    /* cut short */
    {"", true, -EBADMSG, 0, NULL},
    {"HTTP/1.1 200 OK\r\n", true, -EBADMSG, 0, NULL},
    {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}", true, -EBADMSG, 0, NULL},
    /* lies */
    {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n{}", false, -EMSGSIZE, 0, NULL},
    {"HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n{}", false, -EMSGSIZE, 0, NULL},
    {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}", false, -EMSGSIZE, 0, NULL},
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", false, -EBADMSG, 0, NULL},
    {"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", false, -EBADMSG, 0, NULL},
    {"HTTP/1.1 200 OK\r\n: empty\r\n\r\n", false, -EBADMSG, 0, NULL},
    /* no HTTP */
    {"HTTP/2.0 200 OK\r\n\r\n", false, -EBADMSG, 0, NULL},
    {"HTTP/1.1 2000 OK\r\n\r\n", false, -EBADMSG, 0, NULL},
    {"HTTP/1.1 099 OK\r\n\r\n", false, -EBADMSG, 0, NULL},
    {"HTTP/1.1 2x0 OK\r\n\r\n", false, -EBADMSG, 0, NULL},
    {"SSH-2.0-OpenSSH_9.2", false, -EBADMSG, 0, NULL},
    {"220 mail.example.org ESMTP\r\n", false, -EBADMSG, 0, NULL},
    {"OK\r\n\r\n", false, -EBADMSG, 0, NULL},
};

START_TEST(answers_are_read)
{
    struct nacre_hd_http_answer a = {0};
    /* Exactly as long as it is, so that a sanitizer sees a byte read too many. */
    size_t len = strlen(cases[_i].text);
    char *copy = malloc(len ? len : 1);
    for (size_t i = 0; i < len; i++)
        copy[i] = cases[_i].text[i];
    ck_assert_int_eq(nacre_hd_http_answer(&a, copy, len, cases[_i].ended), cases[_i].result);
    ck_assert_int_eq(a.status, cases[_i].status);
    if (cases[_i].body) {
        ck_assert_uint_eq(a.body_len, strlen(cases[_i].body));
        ck_assert_mem_eq(a.body, cases[_i].body, a.body_len);
    }
    free(copy);
}
END_TEST

START_TEST(every_piece_of_it_is_only_more_to_come)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\n\r\nhello";
    struct nacre_hd_http_answer a;
    for (size_t n = 0; n + 1 < sizeof text - 1; n++)
        ck_assert_int_eq(nacre_hd_http_answer(&a, text, n, false), 0);
    ck_assert_int_eq(nacre_hd_http_answer(&a, text, sizeof text - 1, false), 1);
}
END_TEST

START_TEST(endless_headers_and_bodies_are_given_up)
{
    static char text[200000];
    struct nacre_hd_http_answer a;
    memset(text, 'a', sizeof text);
    size_t len = (size_t)snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nX: ");
    text[len] = 'a';
    ck_assert_int_eq(nacre_hd_http_answer(&a, text, NACRE_HD_HEAD_MAX, false), 0);
    ck_assert_int_eq(nacre_hd_http_answer(&a, text, NACRE_HD_HEAD_MAX + 100, false), -EMSGSIZE);
    text[100] = text[102] = '\r';
    text[101] = text[103] = '\n';
    ck_assert_int_eq(nacre_hd_http_answer(&a, text, 60000, false), 0);
    ck_assert_int_eq(nacre_hd_http_answer(&a, text, sizeof text, false), -EMSGSIZE);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_loop_test(tc, answers_are_read, 0, (int)(sizeof cases / sizeof cases[0]));
    tcase_add_test(tc, every_piece_of_it_is_only_more_to_come);
    tcase_add_test(tc, endless_headers_and_bodies_are_given_up);
}

int main(void)
{
    return nacre_run_suite("host_http_answer", add, 30);
}
