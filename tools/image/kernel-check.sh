#!/bin/sh
# Compares a kernel with the recorded digest: tools/image/kernel-check.sh BZIMAGE [--record]; --record writes it.
set -eu
. "$(dirname "$0")/common.sh"
recorded=$source_dir/config/kernel/$machine.sha384

got=$(sha384sum <"$1" | cut -d ' ' -f 1)
if [ "${2:-}" = --record ]; then
    echo "$got" >"$recorded"
    echo "image: recorded in ${recorded#"$source_dir/"}"
fi
want=$(cat "$recorded" 2>/dev/null || echo none)
[ "$got" = "$want" ] || die "the kernel has SHA-384 $got," "recorded is $want (${recorded#"$source_dir/"})." \
    "If its source, configuration or compiler was changed on purpose: make image-kernel-record, and commit that." \
    "If not, this build differs from everybody else's: $1"
