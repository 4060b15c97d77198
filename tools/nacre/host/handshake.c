#include "handshake.h"

#include "netaddr.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

size_t nacre_hd_hello(char out[NACRE_HD_HELLO_MAX], uint32_t port)
{
    return (size_t)snprintf(out, NACRE_HD_HELLO_MAX, "CONNECT %u\n", port);
}

int nacre_hd_hello_answer(const char *data, size_t len)
{
    static const char ok[] = "OK ";
    size_t looked = len < NACRE_HD_ANSWER_MAX ? len : NACRE_HD_ANSWER_MAX;
    size_t common = looked < sizeof ok - 1 ? looked : sizeof ok - 1;
    const char *end = memchr(data, '\n', looked);
    uint64_t port;
    if (memcmp(data, ok, common) != 0)
        return -EPROTO;
    if (!end)
        return len < NACRE_HD_ANSWER_MAX ? 0 : -EPROTO;
    if (end - data < 3 || nacre_number_parse(&port, data + 3, (size_t)(end - data) - 3, UINT32_MAX))
        return -EPROTO;
    return (int)(end - data) + 1;
}
