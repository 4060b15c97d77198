// Made by `nacre plugin move` from alltypes 1.2.3. When the plugin's types change, make it again.
//
// Edition 2024. Needs the `enclave` package of github.com/MystenLabs/nautilus (move/enclave).
module app::alltypes;

use enclave::enclave::Enclave;
use std::string::String;
use sui::clock::Clock;

/// The enclave did not sign these values at this time under this intent.
const EInvalidSignature: u64 = 0;
/// The answer is from after the chain's time.
const EFromTheFuture: u64 = 1;
/// The answer is older than the caller accepts.
const ETooOld: u64 = 2;

/// Measure
const MEASURE_INTENT: u8 = 0;
/// EchoEverything
const ECHO_EVERYTHING_INTENT: u8 = 7;
/// FindPlace
const FIND_PLACE_INTENT: u8 = 255;

public struct Measured has copy, drop {
    bits: u64,
    note: String,
}

public fun new_measured(
    bits: u64,
    note: String,
): Measured {
    Measured { bits, note }
}

public fun unpack_measured(value: Measured): (u64, String) {
    let Measured { bits, note } = value;
    (bits, note)
}

public struct Inner has copy, drop {
    flag: bool,
    label: String,
    ids: vector<u16>,
    nick: Option<String>,
}

public fun new_inner(
    flag: bool,
    label: String,
    ids: vector<u16>,
    nick: Option<String>,
): Inner {
    Inner { flag, label, ids, nick }
}

public fun unpack_inner(value: Inner): (bool, String, vector<u16>, Option<String>) {
    let Inner { flag, label, ids, nick } = value;
    (flag, label, ids, nick)
}

public struct Everything has copy, drop {
    yes: bool,
    small: u8,
    medium: u16,
    large: u32,
    huge: u64,
    wide: u128,
    widest: u256,
    text: String,
    data: vector<u8>,
    who: address,
    inner: Inner,
    numbers: vector<u64>,
    octets: vector<u8>,
    items: vector<Inner>,
    names: vector<String>,
    people: vector<address>,
    grid: vector<vector<u32>>,
    gaps: vector<Option<u128>>,
    maybe: Option<Inner>,
    maybe_wide: Option<u256>,
    maybe_flags: Option<vector<bool>>,
}

public fun new_everything(
    yes: bool,
    small: u8,
    medium: u16,
    large: u32,
    huge: u64,
    wide: u128,
    widest: u256,
    text: String,
    data: vector<u8>,
    who: address,
    inner: Inner,
    numbers: vector<u64>,
    octets: vector<u8>,
    items: vector<Inner>,
    names: vector<String>,
    people: vector<address>,
    grid: vector<vector<u32>>,
    gaps: vector<Option<u128>>,
    maybe: Option<Inner>,
    maybe_wide: Option<u256>,
    maybe_flags: Option<vector<bool>>,
): Everything {
    Everything { yes, small, medium, large, huge, wide, widest, text, data, who, inner, numbers, octets, items, names, people, grid, gaps, maybe, maybe_wide, maybe_flags }
}

public fun unpack_everything(value: Everything): (bool, u8, u16, u32, u64, u128, u256, String, vector<u8>, address, Inner, vector<u64>, vector<u8>, vector<Inner>, vector<String>, vector<address>, vector<vector<u32>>, vector<Option<u128>>, Option<Inner>, Option<u256>, Option<vector<bool>>) {
    let Everything { yes, small, medium, large, huge, wide, widest, text, data, who, inner, numbers, octets, items, names, people, grid, gaps, maybe, maybe_wide, maybe_flags } = value;
    (yes, small, medium, large, huge, wide, widest, text, data, who, inner, numbers, octets, items, names, people, grid, gaps, maybe, maybe_wide, maybe_flags)
}

public struct Place has copy, drop {
    town: String,
    number: u64,
}

public fun new_place(
    town: String,
    number: u64,
): Place {
    Place { town, number }
}

public fun unpack_place(value: Place): (String, u64) {
    let Place { town, number } = value;
    (town, number)
}

public fun intent_measure(): u8 {
    MEASURE_INTENT
}

/// Aborts unless `enclave` signed exactly this. How old it may be, and that it is not used twice,
/// is the caller's to check.
public fun verify_measure<T>(
    enclave: &Enclave<T>,
    timestamp_ms: u64,
    payload: Measured,
    signature: &vector<u8>,
) {
    let valid = enclave.verify_signature(MEASURE_INTENT, timestamp_ms, payload, signature);
    assert!(valid, EInvalidSignature);
}

/// The same, and aborts unless it was signed within the last `max_age_ms`.
public fun verify_recent_measure<T>(
    enclave: &Enclave<T>,
    timestamp_ms: u64,
    payload: Measured,
    signature: &vector<u8>,
    max_age_ms: u64,
    clock: &Clock,
) {
    let now_ms = clock.timestamp_ms();
    assert!(timestamp_ms <= now_ms, EFromTheFuture);
    assert!(now_ms - timestamp_ms <= max_age_ms, ETooOld);
    verify_measure(enclave, timestamp_ms, payload, signature);
}

public fun intent_echo_everything(): u8 {
    ECHO_EVERYTHING_INTENT
}

/// Aborts unless `enclave` signed exactly this. How old it may be, and that it is not used twice,
/// is the caller's to check.
public fun verify_echo_everything<T>(
    enclave: &Enclave<T>,
    timestamp_ms: u64,
    payload: Everything,
    signature: &vector<u8>,
) {
    let valid = enclave.verify_signature(ECHO_EVERYTHING_INTENT, timestamp_ms, payload, signature);
    assert!(valid, EInvalidSignature);
}

/// The same, and aborts unless it was signed within the last `max_age_ms`.
public fun verify_recent_echo_everything<T>(
    enclave: &Enclave<T>,
    timestamp_ms: u64,
    payload: Everything,
    signature: &vector<u8>,
    max_age_ms: u64,
    clock: &Clock,
) {
    let now_ms = clock.timestamp_ms();
    assert!(timestamp_ms <= now_ms, EFromTheFuture);
    assert!(now_ms - timestamp_ms <= max_age_ms, ETooOld);
    verify_echo_everything(enclave, timestamp_ms, payload, signature);
}

public fun intent_find_place(): u8 {
    FIND_PLACE_INTENT
}

/// Aborts unless `enclave` signed exactly this. How old it may be, and that it is not used twice,
/// is the caller's to check.
public fun verify_find_place<T>(
    enclave: &Enclave<T>,
    timestamp_ms: u64,
    payload: Place,
    signature: &vector<u8>,
) {
    let valid = enclave.verify_signature(FIND_PLACE_INTENT, timestamp_ms, payload, signature);
    assert!(valid, EInvalidSignature);
}

/// The same, and aborts unless it was signed within the last `max_age_ms`.
public fun verify_recent_find_place<T>(
    enclave: &Enclave<T>,
    timestamp_ms: u64,
    payload: Place,
    signature: &vector<u8>,
    max_age_ms: u64,
    clock: &Clock,
) {
    let now_ms = clock.timestamp_ms();
    assert!(timestamp_ms <= now_ms, EFromTheFuture);
    assert!(now_ms - timestamp_ms <= max_age_ms, ETooOld);
    verify_find_place(enclave, timestamp_ms, payload, signature);
}
