/*
 * libnacre-verify: for everyone outside an enclave who wants to believe it.
 *
 * An AWS Nitro attestation document is checked in two steps. First what AWS says: the COSE_Sign1 signature,
 * the certificate chain to a pinned root, its validity at a stated time. Then what the caller wants: the
 * policy, that is the expected PCRs, nonce, public key and age. Every check is reported on its own, with what
 * was expected and what was found. Everything fails closed: a policy that says nothing about who is behind
 * the document is an error, an expected PCR that the document lacks is a failed check.
 *
 * Sources: the NSM documentation ("attestation process"), RFC 9052 (COSE), RFC 8949 (CBOR), RFC 5280 (X.509),
 * RFC 8032 (Ed25519).
 *
 * A document's bytes are no identifier: ECDSA accepts (r, n-s) where it accepts (r, s), and tag 18 may be
 * there or not. Compare what a document says, never its bytes.
 *
 * Threads: the library has no global state. An object may be read by several threads at a time, and changed
 * by one. Times are milliseconds since 1970-01-01T00:00:00Z. Sizes are in bytes. Functions that free accept
 * NULL.
 */
#ifndef NACRE_VERIFY_H
#define NACRE_VERIFY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define NACRE_VERIFY_API __attribute__((visibility("default")))
#else
#define NACRE_VERIFY_API
#endif

/* Results. Zero is the only result that means "verified": test for it, not against another. */
#define NACRE_VERIFY_OK         0    /* verified, or done */
#define NACRE_VERIFY_REFUSED    1    /* checked and found wanting; the report or the error says why */
#define NACRE_VERIFY_E_MEMORY   (-1) /* out of memory; nothing was decided */
#define NACRE_VERIFY_E_ARGUMENT (-2) /* an argument cannot be right (size, index, unreadable root) */
#define NACRE_VERIFY_E_POLICY   (-3) /* the policy is empty or contradicts itself; nothing was decided */

/* Limits: what the NSM itself promises, and what Sui's on-chain verifier accepts. */
#define NACRE_VERIFY_DOCUMENT_MAX    16384u
#define NACRE_VERIFY_PCR_COUNT_MIN   16u
#define NACRE_VERIFY_PCR_COUNT_MAX   32u
#define NACRE_VERIFY_PCR_SIZE        48u
#define NACRE_VERIFY_CHAIN_MAX       10u /* certificates, leaf and root counted */
#define NACRE_VERIFY_CERTIFICATE_MAX 1024u
#define NACRE_VERIFY_USER_DATA_MAX   512u
#define NACRE_VERIFY_NONCE_MAX       512u
#define NACRE_VERIFY_PUBLIC_KEY_MAX  1024u
#define NACRE_VERIFY_MODULE_ID_MAX   256u
#define NACRE_VERIFY_TLS_KEY_SIZE    32u /* SHA-256 of a SubjectPublicKeyInfo, DER */
/* Of ours: nonces that share one document, and the hashes of a path. */
#define NACRE_VERIFY_BATCH_MAX   65536u
#define NACRE_VERIFY_BATCH_DEPTH 16u
#define NACRE_VERIFY_BATCH_HASH  32u
/* Of ours: an answer's JSON, and a type file. */
#define NACRE_VERIFY_ANSWER_MAX (64u << 20)
#define NACRE_VERIFY_TYPES_MAX  (1u << 20)

/* How far ahead of the verifier's clock a document or an answer may be when its age is checked. */
#define NACRE_VERIFY_CLOCK_SKEW_MS 10000u

/* Why a call did not succeed, in words. Filled only when the call does not return NACRE_VERIFY_OK. */
typedef struct nacre_verify_error {
    char text[512];
} nacre_verify_error;

/* Borrowed bytes. data is NULL where a field is null or absent; an empty field has data and size 0. */
typedef struct nacre_verify_bytes {
    const uint8_t *data;
    size_t size;
} nacre_verify_bytes;

typedef struct nacre_verify_doc nacre_verify_doc;
typedef struct nacre_verify_policy nacre_verify_policy;
typedef struct nacre_verify_report nacre_verify_report;
typedef struct nacre_verify_types nacre_verify_types;

/* The library's version, "0.1.0". Static. */
NACRE_VERIFY_API const char *nacre_verify_version(void);

/* ---- The content of a document
 * -------------------------------------------------------------------------------- */

/*
 * Parses a document WITHOUT verifying it: nothing it holds is authentic. For showing what a refused document
 * claims; everyone else takes nacre_verify_report_doc(). `bytes` is copied. On success *doc is the caller's,
 * to be freed with nacre_verify_doc_free(); otherwise *doc is untouched. `error` may be NULL. Returns OK,
 * REFUSED (malformed, over a limit) or E_MEMORY.
 */
NACRE_VERIFY_API int nacre_verify_doc_parse(const uint8_t *bytes, size_t size, nacre_verify_doc **doc,
                                            nacre_verify_error *error);
NACRE_VERIFY_API void nacre_verify_doc_free(nacre_verify_doc *doc);

/* The fields. What is returned belongs to the document and lives as long as it does. */
/* Printable ASCII without spaces. */
NACRE_VERIFY_API const char *nacre_verify_doc_module_id(const nacre_verify_doc *doc);
NACRE_VERIFY_API uint64_t nacre_verify_doc_timestamp_ms(const nacre_verify_doc *doc);
NACRE_VERIFY_API nacre_verify_bytes nacre_verify_doc_public_key(const nacre_verify_doc *doc);
NACRE_VERIFY_API nacre_verify_bytes nacre_verify_doc_user_data(const nacre_verify_doc *doc);
NACRE_VERIFY_API nacre_verify_bytes nacre_verify_doc_nonce(const nacre_verify_doc *doc);
/*
 * The key that the enclave's HTTPS is under: "tls" of nacre's user_data, 32 bytes, the SHA-256 of the key's
 * SubjectPublicKeyInfo in DER. data NULL when user_data names none, or is no such map. Compare it with the key of the
 * connection that you are about to use: only then does TLS end in that enclave.
 */
NACRE_VERIFY_API nacre_verify_bytes nacre_verify_doc_tls_key(const nacre_verify_doc *doc);
/* PCR `index`: 48 bytes, or data NULL if the document has none (or index > 31). */
NACRE_VERIFY_API nacre_verify_bytes nacre_verify_doc_pcr(const nacre_verify_doc *doc, unsigned index);
/* The leaf, DER. */
NACRE_VERIFY_API nacre_verify_bytes nacre_verify_doc_certificate(const nacre_verify_doc *doc);
/* The bundle from the root (0) down to the leaf's issuer, DER; data NULL past the end. */
NACRE_VERIFY_API size_t nacre_verify_doc_cabundle_count(const nacre_verify_doc *doc);
NACRE_VERIFY_API nacre_verify_bytes nacre_verify_doc_cabundle(const nacre_verify_doc *doc, size_t index);

/* ---- The policy
 * ----------------------------------------------------------------------------------------------- */

/*
 * A new policy: AWS Nitro Enclaves Root-G1, the current time, no debug documents, no expectation. It accepts
 * nothing until it expects at least one PCR or a public key, or is told to look at the signature only. NULL
 * when out of memory. The caller frees it.
 */
NACRE_VERIFY_API nacre_verify_policy *nacre_verify_policy_new(void);
NACRE_VERIFY_API void nacre_verify_policy_free(nacre_verify_policy *policy);

/* Expect PCR `index` (0..31) to be these 48 bytes. A second, different value for one index is E_ARGUMENT. */
NACRE_VERIFY_API int nacre_verify_policy_expect_pcr(nacre_verify_policy *policy, unsigned index,
                                                    const uint8_t *value, size_t size,
                                                    nacre_verify_error *error);
/*
 * Expect what a .pcrs file says: lines `<96 hex> PCR<n>`; empty lines and lines starting with '#' are
 * skipped. Needs at least one PCR. `text` need not end in NUL. E_ARGUMENT names the line; the policy is then
 * unchanged.
 */
NACRE_VERIFY_API int nacre_verify_policy_expect_pcrs_text(nacre_verify_policy *policy, const char *text,
                                                          size_t size, nacre_verify_error *error);
/* Expect these very bytes. They are copied; a later call replaces them. E_ARGUMENT when over the field's
 * limit. */
NACRE_VERIFY_API int nacre_verify_policy_expect_nonce(nacre_verify_policy *policy, const uint8_t *nonce,
                                                      size_t size, nacre_verify_error *error);
/*
 * A nonce that shares a document with others (/get_attestation?nonce=..&batch=1): the document's nonce is the root of a
 * tree, SHA-256, over all of them, and this is the way from one to it, as the answer's "batch" gives it. docs/VERIFYING.md
 * has the bytes. Zero it, then set struct_size to sizeof(nacre_verify_batch).
 */
typedef struct nacre_verify_batch {
    size_t struct_size;
    const uint8_t *nonce; /* the caller's own */
    size_t nonce_size;
    uint64_t size;       /* nonces in the batch */
    uint64_t index;      /* which of them ours is */
    const uint8_t *path; /* hashes of 32 bytes, from the leaf's neighbour up */
    size_t path_size;    /* bytes */
} nacre_verify_batch;

/*
 * Expect the root that this leads to, instead of a nonce as such; the last call of the two counts. It is copied. What
 * the server said is judged with the document: a size, index or path that cannot be is the failed check "batch".
 * E_ARGUMENT for what is the caller's own: struct_size, a nonce of no bytes or over the limit, a NULL path of some size.
 * A document that passes was made after `nonce` was known: its root cannot have been computed before.
 */
NACRE_VERIFY_API int nacre_verify_policy_expect_batch(nacre_verify_policy *policy,
                                                      const nacre_verify_batch *batch,
                                                      nacre_verify_error *error);
/*
 * The root alone, for whoever verifies the document by other means and compares its nonce. Returns OK with 32 bytes in
 * `root`, REFUSED when the path is none of that index and size, E_ARGUMENT as above, or E_MEMORY.
 */
NACRE_VERIFY_API int nacre_verify_batch_root(const nacre_verify_batch *batch, uint8_t *root,
                                             nacre_verify_error *error);
NACRE_VERIFY_API int nacre_verify_policy_expect_public_key(nacre_verify_policy *policy, const uint8_t *key,
                                                           size_t size, nacre_verify_error *error);
NACRE_VERIFY_API int nacre_verify_policy_expect_user_data(nacre_verify_policy *policy,
                                                          const uint8_t *user_data, size_t size,
                                                          nacre_verify_error *error);
/*
 * Expect HTTPS to be under the key with this SHA-256 of its SubjectPublicKeyInfo (DER, 32 bytes), which the caller takes
 * from the handshake of the connection in question: the check "tls" of a report. A document that names no key fails it.
 */
NACRE_VERIFY_API int nacre_verify_policy_expect_tls_key(nacre_verify_policy *policy, const uint8_t *sha256,
                                                        size_t size, nacre_verify_error *error);
/*
 * Refuse documents older than this. Contradicts nacre_verify_policy_at_document(), by whose clock every
 * document is new: the two together are E_POLICY.
 */
NACRE_VERIFY_API void nacre_verify_policy_max_age(nacre_verify_policy *policy, uint64_t max_age_ms);
/* Accept a document of an enclave in debug mode (PCR0 all zero), which proves nothing about its code. */
NACRE_VERIFY_API void nacre_verify_policy_allow_debug(nacre_verify_policy *policy, int allow);
/* Do without an expected PCR or public key. What else is expected is still checked. */
NACRE_VERIFY_API void nacre_verify_policy_signature_only(nacre_verify_policy *policy, int signature_only);
/*
 * Trust this root instead of AWS's: one X.509 certificate, DER or PEM. It is copied. E_ARGUMENT when it is
 * neither, or holds more than one certificate.
 */
NACRE_VERIFY_API int nacre_verify_policy_root(nacre_verify_policy *policy, const uint8_t *certificate,
                                              size_t size, nacre_verify_error *error);
/* At what time the certificates must be valid, and from which time the age is counted. The last call counts.
 */
NACRE_VERIFY_API void nacre_verify_policy_at_now(nacre_verify_policy *policy);
/* The document's own timestamp: for history. */
NACRE_VERIFY_API void nacre_verify_policy_at_document(nacre_verify_policy *policy);
NACRE_VERIFY_API int nacre_verify_policy_at(nacre_verify_policy *policy, uint64_t time_ms,
                                            nacre_verify_error *error);

/* The pinned AWS root, DER (533 bytes). Static. */
NACRE_VERIFY_API nacre_verify_bytes nacre_verify_aws_root(void);

/* ---- Verification
 * --------------------------------------------------------------------------------------------- */

/* One check. The strings belong to the report and are printable ASCII. */
typedef struct nacre_verify_check {
    const char
        *name;  /* "encoding", "certificates", "signature", "root", "chain", "validity", "debug", "PCR0".. */
    int passed; /* 1 or 0 */
    const char *expected; /* what it was checked against */
    const char *actual;   /* what was found */
} nacre_verify_check;

/*
 * Verifies a document under a policy.
 * Returns OK or REFUSED with *report set (the caller's, nacre_verify_report_free()), or an E_ code with
 * *report untouched and `error` filled. `report` and `error` may be NULL. The checks run in order. A document
 * that cannot be parsed, holds an unusable certificate, or carries a wrong signature is not looked at
 * further: nothing it says is authentic. After that all checks are made and reported.
 */
NACRE_VERIFY_API int nacre_verify_document(const uint8_t *bytes, size_t size,
                                           const nacre_verify_policy *policy, nacre_verify_report **report,
                                           nacre_verify_error *error);

/* A signed response, as a route of an enclave gives it. Set struct_size to sizeof(nacre_verify_signed). */
typedef struct nacre_verify_signed {
    size_t struct_size;
    const uint8_t *public_key; /* raw Ed25519 key from a verified document, 32 bytes */
    size_t public_key_size;
    const uint8_t *signature; /* 64 bytes */
    size_t signature_size;
    const uint8_t *bcs; /* the BCS bytes of the data */
    size_t bcs_size;
    uint64_t timestamp_ms;
    uint64_t now_ms;     /* the verifier's clock; used only if max_age_ms is set */
    uint64_t max_age_ms; /* 0: the age is not checked */
    uint8_t intent;
} nacre_verify_signed;

/*
 * Verifies Ed25519( intent u8 || timestamp_ms u64 little endian || BCS data ), and the age if asked.
 * Results as for nacre_verify_document(); a key or signature of a wrong size is a failed check.
 */
NACRE_VERIFY_API int nacre_verify_response(const nacre_verify_signed *response, nacre_verify_report **report,
                                           nacre_verify_error *error);

/*
 * Reads a type file, as `nacre plugin types APP.so` writes it: which type each intent signs, and what the types
 * consist of. `text` need not end in NUL and is not kept. On success *types is the caller's, to be freed with
 * nacre_verify_types_free(); otherwise *types is untouched. Returns OK, E_MEMORY, or E_ARGUMENT with the place and
 * the reason. Take the file from where you take the expected PCRs: from the plugin, not from the server that answers.
 * BCS holds no names, so who chooses the type and can change the answer can swap what two fields of one kind are
 * called, or read the same signed bytes as something else.
 */
NACRE_VERIFY_API int nacre_verify_types_parse(const char *text, size_t size, nacre_verify_types **types,
                                              nacre_verify_error *error);
NACRE_VERIFY_API void nacre_verify_types_free(nacre_verify_types *types);

/* An answer in JSON and what is expected of it. Zero it, then set struct_size to sizeof(nacre_verify_answer). */
typedef struct nacre_verify_answer {
    size_t struct_size;
    const char *json; /* the answer, {"response":{"intent","timestamp_ms","data"},"signature"}; UTF-8 */
    size_t json_size;
    const uint8_t *public_key; /* raw Ed25519 key from a verified document, 32 bytes */
    size_t public_key_size;
    const nacre_verify_types *types;
    const char *intent_name; /* the name of the expected intent; NULL: any that the types declare */
    uint64_t now_ms;         /* the verifier's clock; used only if max_age_ms is set */
    uint64_t max_age_ms;     /* 0: the age is not checked */
} nacre_verify_answer;

/*
 * Verifies an answer from its JSON: brings "data" into BCS by the type that its intent declares, then checks as
 * nacre_verify_response() does. Exact: integers keep all 64 bits, u128 and u256 are decimal strings, bytes and
 * addresses arrays of numbers, an absent option is null. "data" and "response" hold what is declared and nothing
 * else, each key once; keys beside "response" and "signature" are not signed and not looked at. Nothing relates an
 * answer to a request but its content, its time and its intent. Results as for nacre_verify_document(); the checks
 * are "encoding", "intent", "type", then those of nacre_verify_response().
 */
NACRE_VERIFY_API int nacre_verify_answer_json(const nacre_verify_answer *answer, nacre_verify_report **report,
                                              nacre_verify_error *error);

/* Of a verified answer: its data as JSON, byte for byte as answered. data NULL otherwise. Belongs to the report. */
NACRE_VERIFY_API nacre_verify_bytes nacre_verify_report_data(const nacre_verify_report *report);
/* Of a verified answer: what was signed. bcs, public_key and signature belong to the report. NULL otherwise. */
NACRE_VERIFY_API const nacre_verify_signed *nacre_verify_report_signed(const nacre_verify_report *report);

/* 1 when every check passed. */
NACRE_VERIFY_API int nacre_verify_report_verified(const nacre_verify_report *report);
NACRE_VERIFY_API size_t nacre_verify_report_count(const nacre_verify_report *report);
/* Check `index`, or NULL past the end. Belongs to the report. */
NACRE_VERIFY_API const nacre_verify_check *nacre_verify_report_check(const nacre_verify_report *report,
                                                                     size_t index);
/* The verified document, or NULL if it was refused (or this is a response's report). Belongs to the report.
 */
NACRE_VERIFY_API const nacre_verify_doc *nacre_verify_report_doc(const nacre_verify_report *report);
/* The time the document was checked at. 0 if it did not come that far. */
NACRE_VERIFY_API uint64_t nacre_verify_report_time_ms(const nacre_verify_report *report);
NACRE_VERIFY_API void nacre_verify_report_free(nacre_verify_report *report);

#ifdef __cplusplus
}
#endif

#endif
