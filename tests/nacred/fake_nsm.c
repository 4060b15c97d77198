#include "fake_nsm.h"

#include <cbor.h>
#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static cbor_item_t *get(const cbor_item_t *map, const char *key)
{
    const struct cbor_pair *pairs = cbor_map_handle(map);
    for (size_t i = 0; i < cbor_map_size(map); i++)
        if (cbor_string_length(pairs[i].key) == strlen(key) &&
            memcmp(cbor_string_handle(pairs[i].key), key, strlen(key)) == 0)
            return pairs[i].value;
    return NULL;
}

static void add_pair(cbor_item_t *map, const char *key, cbor_item_t *value)
{
    if (!cbor_map_add(map, (struct cbor_pair){cbor_move(cbor_build_string(key)), cbor_move(value)}))
        abort();
}

static cbor_item_t *map_of(const char *key, cbor_item_t *value)
{
    cbor_item_t *map = cbor_new_definite_map(1);
    add_pair(map, key, value);
    return map;
}

static void push(cbor_item_t *array, cbor_item_t *value)
{
    if (!cbor_array_push(array, cbor_move(value)))
        abort();
}

static cbor_item_t *document(struct fake_nsm *n, const cbor_item_t *request)
{
    struct timespec now;
    unsigned char *bytes;
    size_t cap, len;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    cbor_item_t *payload = cbor_new_indefinite_map(), *cose = cbor_new_definite_array(4);
    const cbor_item_t *nonce = get(request, "nonce"), *key = get(request, "public_key");
    const cbor_item_t *said = get(request, "user_data");
    n->last_user_data_len = cbor_isa_bytestring(said) ? cbor_bytestring_length(said) : 0;
    if (n->last_user_data_len)
        memcpy(n->last_user_data, cbor_bytestring_handle(said), n->last_user_data_len);
    n->last_nonce_len = cbor_isa_bytestring(nonce) ? cbor_bytestring_length(nonce) : 0;
    if (n->last_nonce_len)
        memcpy(n->last_nonce, cbor_bytestring_handle(nonce), n->last_nonce_len);
    add_pair(payload, "timestamp",
             cbor_build_uint64((uint64_t)((long long)now.tv_sec * 1000 + now.tv_nsec / 1000000 +
                                          atomic_load(&n->clock_ms))));
    if (atomic_load(&n->fault) == FAKE_NO_KEY)
        add_pair(payload, "public_key",
                 cbor_build_bytestring((const uint8_t *)"another key of thirty-two bytes!", 32));
    else
        add_pair(payload, "public_key",
                 cbor_build_bytestring(cbor_bytestring_handle(key), cbor_bytestring_length(key)));
    len = cbor_serialize_alloc(payload, &bytes, &cap);
    cbor_decref(&payload);
    push(cose, cbor_build_bytestring((const uint8_t *)"", 0));
    push(cose, cbor_new_definite_map(0));
    push(cose, cbor_build_bytestring(bytes, len));
    push(cose, cbor_build_bytestring((const uint8_t *)"", 0));
    free(bytes);
    len = cbor_serialize_alloc(cose, &bytes, &cap);
    cbor_decref(&cose);
    cbor_item_t *reply = map_of("document", cbor_build_bytestring(bytes, len));
    free(bytes);
    return map_of("Attestation", reply);
}

static cbor_item_t *describe(const struct fake_nsm *n, uint64_t index)
{
    cbor_item_t *body = cbor_new_definite_map(2);
    add_pair(body, "lock", cbor_build_bool(n->locked[index]));
    add_pair(body, "data", cbor_build_bytestring(n->pcr[index], NACRE_SHA384_LEN));
    return map_of("DescribePCR", body);
}

static cbor_item_t *extend(struct fake_nsm *n, uint64_t index, const cbor_item_t *data)
{
    uint8_t chain[2 * NACRE_SHA384_LEN];
    if (n->locked[index])
        return map_of("Error", cbor_build_string("ReadOnlyIndex"));
    memcpy(chain, n->pcr[index], NACRE_SHA384_LEN);
    memcpy(chain + NACRE_SHA384_LEN, cbor_bytestring_handle(data), NACRE_SHA384_LEN);
    if (!n->forgets)
        nacre_sha384(n->pcr[index], chain, sizeof chain);
    return map_of("ExtendPCR", map_of("data", cbor_build_bytestring(n->pcr[index], NACRE_SHA384_LEN)));
}

static cbor_item_t *lock(struct fake_nsm *n, uint64_t range)
{
    for (uint64_t i = 0; i < range && !n->forgets; i++)
        n->locked[i] = true;
    return cbor_build_string("LockPCRs");
}

static cbor_item_t *serve(struct fake_nsm *n, const cbor_item_t *root)
{
    static const uint8_t random[512] = {1, 2, 3};
    const cbor_item_t *body;
    if (cbor_isa_string(root))
        return map_of("GetRandom",
                      map_of("random", cbor_build_bytestring(random, (size_t)atomic_load(&n->random_len))));
    if ((body = get(root, "DescribePCR")))
        return describe(n, cbor_get_int(get(body, "index")));
    if ((body = get(root, "ExtendPCR")))
        return extend(n, cbor_get_int(get(body, "index")), get(body, "data"));
    if ((body = get(root, "LockPCRs")))
        return lock(n, cbor_get_int(get(body, "range")));
    if ((body = get(root, "Attestation")))
        return document(n, body);
    return map_of("Error", cbor_build_string("InvalidOperation"));
}

/* The fault that applies now, counted down. */
static int take_fault(struct fake_nsm *n)
{
    int fault = atomic_load(&n->fault);
    if (fault != FAKE_FINE && atomic_load(&n->skip) > 0) {
        atomic_fetch_sub(&n->skip, 1);
        return FAKE_FINE;
    }
    if (fault != FAKE_FINE && atomic_load(&n->faults) > 0 && atomic_fetch_sub(&n->faults, 1) == 1)
        atomic_store(&n->fault, FAKE_FINE);
    return fault;
}

/* False when the connection is over. */
static bool answer(struct fake_nsm *n, int fd)
{
    static uint8_t huge[20000];
    uint8_t request[8192];
    unsigned char *bytes;
    size_t cap, len;
    struct cbor_load_result result;
    ssize_t got = recv(fd, request, sizeof request, 0);
    if (got <= 0)
        return false;
    atomic_fetch_add(&n->calls, 1);
    (void)poll(&(struct pollfd){.fd = n->stop[0], .events = POLLIN}, 1, atomic_load(&n->delay_ms));
    cbor_item_t *root = cbor_load(request, (size_t)got, &result), *reply;
    int fault = take_fault(n);
    if (fault == FAKE_CLOSE || !root) {
        if (root)
            cbor_decref(&root);
        return false;
    }
    if (fault == FAKE_ERROR)
        reply = map_of("Error", cbor_build_string("InternalError"));
    else if (fault == FAKE_WRONG)
        reply = cbor_build_string("LockPCR");
    else
        reply = serve(n, root);
    cbor_decref(&root);
    len = cbor_serialize_alloc(reply, &bytes, &cap);
    cbor_decref(&reply);
    const void *out = fault == FAKE_GARBAGE ? "\xff\xfe" : fault == FAKE_HUGE ? (const void *)huge : bytes;
    size_t out_len = fault == FAKE_GARBAGE ? 2
                     : fault == FAKE_HUGE  ? sizeof huge
                     : fault == FAKE_EMPTY ? 0
                                           : len;
    (void)send(fd, out, out_len, MSG_NOSIGNAL);
    free(bytes);
    return true;
}

static void *run(void *arg)
{
    struct fake_nsm *n = arg;
    int fd = -1;
    for (;;) {
        struct pollfd fds[] = {{.fd = n->stop[0], .events = POLLIN},
                               {.fd = fd < 0 ? n->listener : fd, .events = POLLIN}};
        if (poll(fds, 2, -1) < 0 || fds[0].revents)
            break;
        if (fd < 0) {
            fd = accept(n->listener, NULL, NULL);
            atomic_fetch_add(&n->connections, 1);
        } else if (!answer(n, fd)) {
            (void)close(fd);
            fd = -1;
        }
    }
    if (fd >= 0)
        (void)close(fd);
    return NULL;
}

void fake_nsm_start(struct fake_nsm *n, const char *dir)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    memset(n, 0, sizeof *n);
    atomic_store(&n->random_len, 256);
    (void)snprintf(n->path, sizeof n->path, "unix:%s/nsm", dir);
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%.100s", n->path + 5);
    n->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(n->listener, (struct sockaddr *)&a, sizeof a), 0);
    ck_assert_int_eq(listen(n->listener, 8), 0);
    ck_assert_int_eq(pipe(n->stop), 0);
    ck_assert_int_eq(pthread_create(&n->thread, NULL, run, n), 0);
}

void fake_nsm_stop(struct fake_nsm *n)
{
    ck_assert_int_eq(write(n->stop[1], "x", 1), 1);
    (void)pthread_join(n->thread, NULL);
    (void)close(n->listener);
    (void)close(n->stop[0]);
    (void)close(n->stop[1]);
}

const char *fake_nsm_transport(const struct fake_nsm *n)
{
    return n->path;
}
