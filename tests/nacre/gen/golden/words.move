// Made by `nacre plugin move` from move 1.0?module evil;??? */. When the plugin's types change, make it again.
//
// Edition 2024. Needs the `enclave` package of github.com/MystenLabs/nautilus (move/enclave).
module app::move_;

use enclave::enclave::Enclave;
use sui::clock::Clock;

/// The enclave did not sign these values at this time under this intent.
const EInvalidSignature: u64 = 0;
/// The answer is from after the chain's time.
const EFromTheFuture: u64 = 1;
/// The answer is older than the caller accepts.
const ETooOld: u64 = 2;

/// 9 lives?} evil
const N9_LIVES_EVIL_INTENT: u8 = 0;
/// module
const MODULE_INTENT: u8 = 1;
/// verifyResponse
const VERIFY_RESPONSE_INTENT: u8 = 2;
/// "quoted" \ ??
const N_QUOTED_INTENT: u8 = 3;
/// HTTPReplyV2Done
const HTTP_REPLY_V2_DONE_INTENT: u8 = 4;

public struct String_ has copy, drop {
    /// type in JSON
    type_: u64,
    /// Upper in JSON
    f_Upper: u64,
    /// _hidden in JSON
    f_hidden: u64,
    class: u64,
    /// address in JSON
    address_: u64,
}

public fun new_string(
    type_: u64,
    f_Upper: u64,
    f_hidden: u64,
    class: u64,
    address_: u64,
): String_ {
    String_ { type_, f_Upper, f_hidden, class, address_ }
}

public fun unpack_string(value: String_): (u64, u64, u64, u64, u64) {
    let String_ { type_, f_Upper, f_hidden, class, address_ } = value;
    (type_, f_Upper, f_hidden, class, address_)
}

public struct Move has copy, drop {
    /// move in JSON
    move_: String_,
    /// String in JSON
    f_String: String_,
    constructor: String_,
    /// fun in JSON
    fun_: u8,
    /// fun_ in JSON
    fun__: u8,
    /// bool in JSON
    bool_: u8,
    o: u8,
    at: u8,
    v: u8,
}

public fun new_move(
    move_: String_,
    f_String: String_,
    constructor: String_,
    fun_: u8,
    fun__: u8,
    bool_: u8,
    o: u8,
    at: u8,
    v: u8,
): Move {
    Move { move_, f_String, constructor, fun_, fun__, bool_, o, at, v }
}

public fun unpack_move(value: Move): (String_, String_, String_, u8, u8, u8, u8, u8, u8) {
    let Move { move_, f_String, constructor, fun_, fun__, bool_, o, at, v } = value;
    (move_, f_String, constructor, fun_, fun__, bool_, o, at, v)
}

public struct Error has copy, drop {
    value: u64,
}

public fun new_error(
    value: u64,
): Error {
    Error { value }
}

public fun unpack_error(value: Error): u64 {
    let Error { value } = value;
    value
}

public struct VerifyResponse has copy, drop {
    value: u64,
}

public fun new_verify_response(
    value: u64,
): VerifyResponse {
    VerifyResponse { value }
}

public fun unpack_verify_response(value: VerifyResponse): u64 {
    let VerifyResponse { value } = value;
    value
}

public struct S_Enclave has copy, drop {
    value: u64,
}

public fun new_n_enclave(
    value: u64,
): S_Enclave {
    S_Enclave { value }
}

public fun unpack_n_enclave(value: S_Enclave): u64 {
    let S_Enclave { value } = value;
    value
}

public fun intent_n9_lives_evil(): u8 {
    N9_LIVES_EVIL_INTENT
}

/// Aborts unless `enclave` signed exactly this. How old it may be, and that it is not used twice,
/// is the caller's to check.
public fun verify_n9_lives_evil<T>(
    enclave: &Enclave<T>,
    timestamp_ms: u64,
    payload: Move,
    signature: &vector<u8>,
) {
    let valid = enclave.verify_signature(N9_LIVES_EVIL_INTENT, timestamp_ms, payload, signature);
    assert!(valid, EInvalidSignature);
}

/// The same, and aborts unless it was signed within the last `max_age_ms`.
public fun verify_recent_n9_lives_evil<T>(
    enclave: &Enclave<T>,
    timestamp_ms: u64,
    payload: Move,
    signature: &vector<u8>,
    max_age_ms: u64,
    clock: &Clock,
) {
    let now_ms = clock.timestamp_ms();
    assert!(timestamp_ms <= now_ms, EFromTheFuture);
    assert!(now_ms - timestamp_ms <= max_age_ms, ETooOld);
    verify_n9_lives_evil(enclave, timestamp_ms, payload, signature);
}

public fun intent_module(): u8 {
    MODULE_INTENT
}

/// Aborts unless `enclave` signed exactly this. How old it may be, and that it is not used twice,
/// is the caller's to check.
public fun verify_module<T>(
    enclave: &Enclave<T>,
    timestamp_ms: u64,
    payload: Error,
    signature: &vector<u8>,
) {
    let valid = enclave.verify_signature(MODULE_INTENT, timestamp_ms, payload, signature);
    assert!(valid, EInvalidSignature);
}

/// The same, and aborts unless it was signed within the last `max_age_ms`.
public fun verify_recent_module<T>(
    enclave: &Enclave<T>,
    timestamp_ms: u64,
    payload: Error,
    signature: &vector<u8>,
    max_age_ms: u64,
    clock: &Clock,
) {
    let now_ms = clock.timestamp_ms();
    assert!(timestamp_ms <= now_ms, EFromTheFuture);
    assert!(now_ms - timestamp_ms <= max_age_ms, ETooOld);
    verify_module(enclave, timestamp_ms, payload, signature);
}

public fun intent_verify_response(): u8 {
    VERIFY_RESPONSE_INTENT
}

/// Aborts unless `enclave` signed exactly this. How old it may be, and that it is not used twice,
/// is the caller's to check.
public fun verify_verify_response<T>(
    enclave: &Enclave<T>,
    timestamp_ms: u64,
    payload: VerifyResponse,
    signature: &vector<u8>,
) {
    let valid = enclave.verify_signature(VERIFY_RESPONSE_INTENT, timestamp_ms, payload, signature);
    assert!(valid, EInvalidSignature);
}

/// The same, and aborts unless it was signed within the last `max_age_ms`.
public fun verify_recent_verify_response<T>(
    enclave: &Enclave<T>,
    timestamp_ms: u64,
    payload: VerifyResponse,
    signature: &vector<u8>,
    max_age_ms: u64,
    clock: &Clock,
) {
    let now_ms = clock.timestamp_ms();
    assert!(timestamp_ms <= now_ms, EFromTheFuture);
    assert!(now_ms - timestamp_ms <= max_age_ms, ETooOld);
    verify_verify_response(enclave, timestamp_ms, payload, signature);
}

public fun intent_n_quoted(): u8 {
    N_QUOTED_INTENT
}

/// Aborts unless `enclave` signed exactly this. How old it may be, and that it is not used twice,
/// is the caller's to check.
public fun verify_n_quoted<T>(
    enclave: &Enclave<T>,
    timestamp_ms: u64,
    payload: S_Enclave,
    signature: &vector<u8>,
) {
    let valid = enclave.verify_signature(N_QUOTED_INTENT, timestamp_ms, payload, signature);
    assert!(valid, EInvalidSignature);
}

/// The same, and aborts unless it was signed within the last `max_age_ms`.
public fun verify_recent_n_quoted<T>(
    enclave: &Enclave<T>,
    timestamp_ms: u64,
    payload: S_Enclave,
    signature: &vector<u8>,
    max_age_ms: u64,
    clock: &Clock,
) {
    let now_ms = clock.timestamp_ms();
    assert!(timestamp_ms <= now_ms, EFromTheFuture);
    assert!(now_ms - timestamp_ms <= max_age_ms, ETooOld);
    verify_n_quoted(enclave, timestamp_ms, payload, signature);
}

public fun intent_http_reply_v2_done(): u8 {
    HTTP_REPLY_V2_DONE_INTENT
}

/// Aborts unless `enclave` signed exactly this. How old it may be, and that it is not used twice,
/// is the caller's to check.
public fun verify_http_reply_v2_done<T>(
    enclave: &Enclave<T>,
    timestamp_ms: u64,
    payload: Error,
    signature: &vector<u8>,
) {
    let valid = enclave.verify_signature(HTTP_REPLY_V2_DONE_INTENT, timestamp_ms, payload, signature);
    assert!(valid, EInvalidSignature);
}

/// The same, and aborts unless it was signed within the last `max_age_ms`.
public fun verify_recent_http_reply_v2_done<T>(
    enclave: &Enclave<T>,
    timestamp_ms: u64,
    payload: Error,
    signature: &vector<u8>,
    max_age_ms: u64,
    clock: &Clock,
) {
    let now_ms = clock.timestamp_ms();
    assert!(timestamp_ms <= now_ms, EFromTheFuture);
    assert!(now_ms - timestamp_ms <= max_age_ms, ETooOld);
    verify_http_reply_v2_done(enclave, timestamp_ms, payload, signature);
}
