/*
 * cmd_verify.h - what the parts of `nacre verify` share. Exit codes: 0 verified, 1 refused, 2 could not check. A
 * function that returns int says NACRE_CHECKED when all is well, else NACRE_UNCHECKED with `why` filled.
 */
#ifndef NACRE_TOOL_CMD_VERIFY_H
#define NACRE_TOOL_CMD_VERIFY_H

#include <stdbool.h>
#include <stdio.h>

#include "nacre/verify.h"

#define NACRE_CHECKED   0
#define NACRE_REFUSED   1
#define NACRE_UNCHECKED 2

/* Files and answers of a server; a document has at most 16384 bytes, twice that in hex. */
#define NACRE_VCMD_INPUT_MAX ((size_t)1 << 20)
/* Answers of routes, and what they are asked. */
#define NACRE_VCMD_ANSWER_MAX ((size_t)16 << 20)

struct nacre_vcmd_buffer {
    uint8_t *data; /* malloc'd, with a NUL after it that size does not count */
    size_t size;
};

struct nacre_vcmd_options {
    const char *program; /* "nacre verify document" */
    const char *input;   /* FILE, "-" or URL; NULL if none was given */
    nacre_verify_policy *policy;
    const char *pcrs; /* the last --pcrs FILE, or NULL */
    bool json;
    bool signature_only;
    bool no_nonce;
    bool no_batch; /* ask for a document that is shared with nobody, and take no other */
    bool expects_nonce;
    uint8_t nonce[NACRE_VERIFY_NONCE_MAX];
    size_t nonce_size;
    bool at_document;
    uint64_t at_ms; /* 0: now */
    bool allow_debug;
    uint64_t max_response_age_ms; /* 0: not checked */
};

/* An option of one command alone: with a value if `text` is set, else a flag. */
struct nacre_vcmd_word {
    const char *name;
    char letter; /* 0: none */
    const char **text;
    bool *flag;
};

/* What a command takes besides the policy. */
struct nacre_vcmd_words {
    const struct nacre_vcmd_word *word;
    size_t count;
    const char **second; /* a second word that is no option, after options->input; NULL: there is none */
};

/* One line of the verdict. */
struct nacre_vcmd_row {
    const char *subject; /* "document", "response", "health" */
    const nacre_verify_check *check;
};

#define NACRE_VCMD_ROWS_MAX 128u

/* All there is to say, collected before anything is printed. What it points to lives until it is printed. */
struct nacre_vcmd_verdict {
    struct nacre_vcmd_row row[NACRE_VCMD_ROWS_MAX];
    size_t rows;
    size_t failed;
    const nacre_verify_doc *doc; /* verified, or NULL */
    bool signature_only;
    uint64_t time_ms;
    const char *note;      /* what was not checked, or NULL */
    const char *endpoints; /* JSON object of a health check, or NULL */
    size_t endpoints_size;
    const char *answer; /* JSON of a verified answer, or NULL */
    size_t answer_size;
    const char *url;        /* where the document came from, or NULL */
    const char *types_from; /* where its type was declared, or NULL */
};

/*
 * cmd_verify_options.c: fills `options`, and what `words` (may be NULL) points to; -1 to go on, else the exit code.
 * The policy is the caller's to free.
 */
int nacre_vcmd_read_options(struct nacre_vcmd_options *options, int argc, char **argv, const char *help,
                            const struct nacre_vcmd_words *words);
int nacre_vcmd_parse_seconds(const char *name, const char *text, uint64_t *ms, nacre_verify_error *why);

/* cmd_verify_text.c */
int nacre_vcmd_parse_hex(const char *text, size_t length, uint8_t *out, size_t max, size_t *size);
int nacre_vcmd_parse_u64(const char *text, size_t length, uint64_t max, uint64_t *value);
/* RFC 3339, or milliseconds since 1970. */
int nacre_vcmd_parse_time(const char *text, uint64_t *ms);
uint64_t nacre_vcmd_now_ms(void);

/* cmd_verify_input.c: reads FILE or "-"; NACRE_VCMD_INPUT_MAX or `max` bytes at most. */
int nacre_vcmd_load(const char *name, struct nacre_vcmd_buffer *buffer, nacre_verify_error *why);
int nacre_vcmd_load_up_to(const char *name, size_t max, struct nacre_vcmd_buffer *buffer,
                          nacre_verify_error *why);
/* Turns raw CBOR, hex, base64 or {"attestation":"hex"} into raw CBOR, in place. */
int nacre_vcmd_decode(struct nacre_vcmd_buffer *buffer, nacre_verify_error *why);
void nacre_vcmd_buffer_free(struct nacre_vcmd_buffer *buffer);

/* cmd_verify_fetch.c */
bool nacre_vcmd_is_url(const char *name);
/* URL with its path replaced if that is empty or `always`, and `query` behind what it has, if not NULL. To be freed. */
char *nacre_vcmd_url(const char *base, const char *path, bool always, const char *query);
int nacre_vcmd_fetch(const char *url, struct nacre_vcmd_buffer *buffer, nacre_verify_error *why);

/*
 * cmd_verify_batch.c: when the answer says that the document is shared, the policy expects the root that leads to from
 * this nonce. An answer without "batch" changes nothing.
 */
int nacre_vcmd_take_batch(nacre_verify_policy *policy, const uint8_t *nonce, size_t nonce_size,
                          const struct nacre_vcmd_buffer *answer, nacre_verify_error *why);

/* cmd_verify_http.c: one exchange. Redirects are not followed. */
struct nacre_vcmd_request {
    const char *method; /* NULL: GET */
    const char *url;
    bool async;       /* prefer a job, see docs/JOBS.md */
    const char *body; /* or NULL */
    const char *type; /* the body's; NULL: JSON */
    size_t body_size;
    size_t max;     /* bytes of the answer */
    long timeout_s; /* 0: 30 */
    uint8_t *
        tls_key; /* not NULL: any certificate will do, and what names its key goes here (NACRE_VERIFY_TLS_KEY_SIZE
                         bytes): nothing is believed, and nothing of worth may be sent */
    const char *progress; /* shown on a terminal while it takes longer than a second; NULL: nothing is */
};
int nacre_vcmd_http(const struct nacre_vcmd_request *request, struct nacre_vcmd_buffer *buffer, long *status,
                    nacre_verify_error *why);

/*
 * cmd_verify_tls.c: which key HTTPS is under. A document that names one is of an enclave in which TLS ends: the policy
 * then expects the key of the very handshake that it came through, and every later exchange with that host is under this
 * key or does not happen. One that names none came from behind somebody else's TLS, whose certificate is checked as usual.
 */
int nacre_vcmd_fetch_document(const struct nacre_vcmd_options *options, const char *url,
                              struct nacre_vcmd_buffer *buffer, nacre_verify_error *why);
/* "sha256//BASE64" for a host and port that a key is known of, else NULL. */
const char *nacre_vcmd_pin_of(const char *url);
/* The same for any key, as curl takes it. */
#define NACRE_VCMD_PIN_SIZE 64u
void nacre_vcmd_pin(char pin[NACRE_VCMD_PIN_SIZE], const uint8_t key[NACRE_VERIFY_TLS_KEY_SIZE]);

/* cmd_verify_types.c: the declared types from a type file or a plugin, one of which is not NULL. */
int nacre_vcmd_load_types(const char *file, const char *plugin, nacre_verify_types **types,
                          nacre_verify_error *why);

/* cmd_verify_json.c: a member of a JSON object. Absent and malformed are both NACRE_UNCHECKED, with the reason. */
struct nacre_vcmd_json {
    const char *text; /* a string's content, a number as written, an object or array with its braces */
    size_t size;
};
int nacre_vcmd_json_string(struct nacre_vcmd_json object, const char *key, struct nacre_vcmd_json *value,
                           nacre_verify_error *why);
int nacre_vcmd_json_object(struct nacre_vcmd_json object, const char *key, struct nacre_vcmd_json *value,
                           nacre_verify_error *why);
int nacre_vcmd_json_u64(struct nacre_vcmd_json object, const char *key, uint64_t max, uint64_t *value,
                        nacre_verify_error *why);
/* The value whatever it is, as it stands; a string with its escapes and without its quotes. */
int nacre_vcmd_json_any(struct nacre_vcmd_json object, const char *key, struct nacre_vcmd_json *value,
                        nacre_verify_error *why);
/* The object below a chain of keys that ends with NULL. */
int nacre_vcmd_json_path(struct nacre_vcmd_json object, const char *const *keys,
                         struct nacre_vcmd_json *value, nacre_verify_error *why);
/* Whether the object is well-formed and has the key. */
bool nacre_vcmd_json_has(struct nacre_vcmd_json object, const char *key);

/* cmd_verify_response.c: an answer in JSON, by declared types, under a key. */
int nacre_vcmd_judge_answer(const struct nacre_vcmd_options *options, const struct nacre_vcmd_buffer *text,
                            const nacre_verify_types *types, const char *intent_name, nacre_verify_bytes key,
                            nacre_verify_report **report, nacre_verify_error *why);

/* cmd_verify_document.c: the document's raw bytes, from a file or, with a fresh nonce that the policy then expects, from
 * a URL. */
int nacre_vcmd_get_document(const struct nacre_vcmd_options *options, const char *name, const char *path,
                            struct nacre_vcmd_buffer *buffer, nacre_verify_error *why);
int nacre_vcmd_judge_document(const struct nacre_vcmd_options *options,
                              const struct nacre_vcmd_buffer *buffer, nacre_verify_report **report,
                              nacre_verify_error *why);
/* cmd_verify_document.c: options->input, or `name`, verified under the options' policy. *report is the caller's. */
int nacre_vcmd_run_document(const struct nacre_vcmd_options *options, const char *name, const char *path,
                            nacre_verify_report **report, nacre_verify_error *why);

/* cmd_verify_print.c */
void nacre_vcmd_add_report(struct nacre_vcmd_verdict *verdict, const char *subject,
                           const nacre_verify_report *report);
void nacre_vcmd_add_check(struct nacre_vcmd_verdict *verdict, const char *subject,
                          const nacre_verify_check *check);
/* Prints the verdict; returns the exit code. */
int nacre_vcmd_print(const struct nacre_vcmd_options *options, const struct nacre_vcmd_verdict *verdict);
/* The verdict for people. */
void nacre_vcmd_print_text(FILE *to, const struct nacre_vcmd_verdict *verdict);
/* Says that nothing was decided; returns the exit code. */
int nacre_vcmd_give_up(const struct nacre_vcmd_options *options, const nacre_verify_error *why);
int nacre_vcmd_unchecked(nacre_verify_error *why, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

int nacre_cmd_verify_document(int argc, char **argv);
int nacre_cmd_verify_response(int argc, char **argv);
int nacre_cmd_verify_health(int argc, char **argv);
int nacre_cmd_verify_chain(int argc, char **argv);

#endif
