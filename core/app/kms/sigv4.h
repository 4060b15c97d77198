/*
 * sigv4.h - AWS Signature Version 4 of one request:
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
 */
#ifndef NACRE_KMS_SIGV4_H
#define NACRE_KMS_SIGV4_H

#include <common/credentials.h>
#include <nacre/plugin.h>

#define NACRE_SIGV4_DATE 17u  /* "20150830T123600Z" with its end */
#define NACRE_SIGV4_MAX  768u /* bytes of an Authorization field with its end */

struct nacre_sigv4 {
    const char *method, *path, *query; /* path and query in canonical form */
    const struct nacre_header
        *headers; /* names in lower case, sorted; values without white space at the ends */
    size_t n_headers;
    const void *body;
    size_t body_len;
    const char *region, *service;
    char date[NACRE_SIGV4_DATE];
};

/* "20150830T123600Z" of milliseconds since 1970. */
void nacre_sigv4_date(char out[NACRE_SIGV4_DATE], uint64_t ms);

/* The value of the field Authorization. 0, or -EINVAL when something is too long. */
int nacre_sigv4_authorization(char out[NACRE_SIGV4_MAX], const struct nacre_sigv4 *request,
                              const struct nacre_credentials *credentials);

#endif
