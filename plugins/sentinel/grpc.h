/*
 * grpc.h - one unary gRPC exchange (the protocol is in gRPC's PROTOCOL-HTTP2.md): frames, statuses, and the object of
 * sui.rpc.v2.LedgerService/GetObject in them.
 */
#ifndef SENTINEL_GRPC_H
#define SENTINEL_GRPC_H

#include "chain.h"

/* The frame of a GetObject request in the call's memory. 0, or -1 when memory is out. */
int sentinel_grpc_request(const struct nacre_call *call, const uint8_t id[32], struct nacre_bytes *frame);

/*
 * The one message in a reply. Returns 0, SENTINEL_ABSENT when the node says NOT_FOUND, or 502 or 504 with the reason in
 * `why`: another HTTP status, no gRPC, no status or two, an error status, a frame that is cut, compressed or not alone.
 * `why` never quotes what the node sent.
 */
int32_t sentinel_grpc_open(const struct nacre_reply *reply, struct nacre_bytes *message,
                           char why[SENTINEL_WHY]);

/* The object in that message. 0, or 502 with the reason in `why`. Memory is the call's. */
int32_t sentinel_grpc_object(const struct nacre_call *call, struct nacre_bytes message,
                             struct sentinel_object *out, char why[SENTINEL_WHY]);

/* Asks the network's node. As sentinel_chain_read(). */
int32_t sentinel_grpc_read(const struct nacre_call *call, const struct sentinel_config *config,
                           const struct sentinel_network *network, const uint8_t id[32],
                           struct sentinel_object *out);

#endif
