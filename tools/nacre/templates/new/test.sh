#!/bin/sh
# test.sh NACRE PLUGIN.so: runs the app with a simulated NSM, calls it, and checks what it signed. Needs curl.
set -eu

nacre=$1
plugin=$2
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
pid=

finish() {
    if [ -n "$pid" ]; then
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

fail() {
    echo "FAILED: $*" >&2
    tail -n 20 "$work/log" >&2
    exit 1
}

command -v curl >/dev/null || { echo "FAILED: curl is needed to call the app" >&2; exit 1; }

: >"$work/ready"
"$nacre" dev --plugin "$plugin" --allow "$here/allowed_endpoints.yaml" --listen 127.0.0.1:0 \
    >"$work/ready" 2>"$work/log" &
pid=$!
waited=0
until grep -q '^ready ' "$work/ready"; do
    kill -0 "$pid" 2>/dev/null || fail "the app did not start"
    waited=$((waited + 1))
    [ "$waited" -lt 300 ] || fail "the app was not ready within 30 seconds"
    sleep 0.1
done
url=$(sed -n 's/^ready .*url=\([^ ]*\).*/\1/p' "$work/ready")
root=$(sed -n 's/^ready .*root=\([^ ]*\).*/\1/p' "$work/ready")

# greet BODY: the answer into $work/answer.json, prints the status. 503 says to try again.
greet() {
    curl -sS --max-time 20 --retry 5 -o "$work/answer.json" -w '%{http_code}' \
        -H 'Content-Type: application/json' -d "$1" "$url/greet"
}

status=$(greet '{"name":"Ada"}')
[ "$status" = 200 ] || fail "status $status: $(cat "$work/answer.json")"
grep -q '"data":{"greeting":"Hello, Ada!","letters":3}' "$work/answer.json" ||
    fail "unexpected data: $(cat "$work/answer.json")"

# What must have been signed, in BCS: the length 11 and the text, then 3 in eight bytes, little endian. The key is the
# one in the attestation document. The document of a simulated NSM says nothing about which code runs.
bcs=0b48656c6c6f2c20416461210300000000000000
"$nacre" verify response "$work/answer.json" --bcs "$bcs" --intent 0 \
    --document "$url/get_attestation" --root "$root" --signature-only >"$work/verdict" ||
    fail "the signature does not hold: $(cat "$work/verdict")"

status=$(greet '{"name":""}')
[ "$status" = 400 ] || fail "an empty name was answered with status $status"
status=$(greet '{"name":7}')
[ "$status" = 400 ] || fail "a number as name was answered with status $status"

echo "@NAME@: the answer is signed by the attested key; bad requests are refused"
