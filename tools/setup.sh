#!/bin/sh
# Installs the Debian packages that are missing: tools/setup.sh [GROUP...], groups as in tools/packages.txt, default
# build and test. Says nothing and touches nothing when all are there.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
[ $# -gt 0 ] || set -- build test

wanted=""
for group in "$@"; do
    names=$(awk -v g="$group" '$1 == g { print $2 }' "$here/packages.txt")
    if [ -z "$names" ]; then
        echo "setup: no group '$group' in $here/packages.txt" >&2
        exit 2
    fi
    wanted="$wanted $names"
done

if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "setup: not a Debian system, so install what these Debian packages hold yourself:$(echo "$wanted" | tr '\n' ' ')" >&2
    echo "setup: going on with what is here" >&2
    exit 0
fi

# dpkg-query knows a package by name and state; one that was never heard of is missing too.
missing() {
    # shellcheck disable=SC2086 # a list of words
    have=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' $wanted 2>/dev/null | awk '$2 == "installed" { print $1 }')
    for name in $wanted; do
        echo "$have" | grep -qx -- "$name" || printf ' %s' "$name"
    done
}

todo=$(missing)
[ -n "$todo" ] || exit 0

as_root=""
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "setup: missing, and neither root nor sudo to install them:$todo" >&2
        exit 1
    fi
    as_root="sudo"
fi

echo "setup: installing$todo"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() {
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $todo >"$log" 2>&1
}
# The package lists may be old or absent (a fresh container has none): try, refresh, try again.
if ! install; then
    $as_root apt-get update -qq >>"$log" 2>&1 || true
    if ! install; then
        cat "$log" >&2
        echo "setup: could not install$todo" >&2
        exit 1
    fi
fi
