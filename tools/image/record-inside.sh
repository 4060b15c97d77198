#!/bin/sh
# Runs inside the tree: prints the record of an image. record-inside.sh WORK OUTPUT
# What each file is, how large, with which digest and from where; then what everything was built from.
set -eu
work=$1 output=$2

sums() {
    printf '%s %s %s' "$(stat -c %s "$1")" "$(sha256sum <"$1" | cut -d ' ' -f 1)" "$(sha384sum <"$1" | cut -d ' ' -f 1)"
}

# Which package a file of the runtime is from; our own programs are from none.
origin() {
    real=$(readlink -f "$1" 2>/dev/null || true)
    awk -v a="$1" -v b="$real" '$3 == a || $3 == b { print $1 "=" $2; exit }' /nacre-files
}

echo "# output NAME BYTES SHA-256 SHA-384"
for name in nitro.eif nitro.pcrs bzImage runtime.cpio.gz app.cpio.gz; do
    echo "output $name $(sums "$output/$name")"
done
echo "# measurement NAME VALUE"
awk '{ print "measurement", $2, $1 }' "$output/nitro.pcrs"
echo "# runtime PATH BYTES SHA-256 SHA-384 FROM; app PATH BYTES SHA-256 SHA-384"
(cd "$work/runtime" && find . -type f | LC_ALL=C sort) | while read -r name; do
    path=${name#.}
    case $path in
    /etc/ssl/certs/*) from=$(awk '$1 == "ca-certificates" { print $1 "=" $2; exit }' /nacre-files) ;;
    *) from=$(origin "$path") ;;
    esac
    echo "runtime $path $(sums "$work/runtime/$name") ${from:-nacre}"
done
(cd "$output/app" && find . -type f | sed 's,^\./config/,& ,; t; s,^\./,& ,' | LC_ALL=C sort -k 2) | while read -r at name; do
    echo "app /app/$name $(sums "$output/app/$at$name")"
done
echo "# package NAME VERSION SHA-256 BYTES ARCHIVE PATH: every one of the tree that this was built in"
sed '/^#/d; s/^/package /' /nacre-lock
