/* certificate.h - a certificate authority for one run, and the server's certificate from it. */
#ifndef NACRE_DEVSERVER_CERTIFICATE_H
#define NACRE_DEVSERVER_CERTIFICATE_H

/* Terminated PEM, the caller's to free. */
struct certificate {
    char *ca;
    char *chain; /* the server's */
    char *key;
};

/*
 * Good for `names` ("DNS:localhost,IP:127.0.0.1"), from yesterday on for a month. The authority's key is forgotten here.
 * 0, or -1 when OpenSSL refuses.
 */
int certificate_make(struct certificate *out, const char *program, const char *names);
void certificate_free(struct certificate *c);

#endif
