#!/bin/sh
# A built plugin exports its descriptor and nothing else, and needs the C library and nothing else.
set -eu
exported=$(nm -D --defined-only "$1" | awk '{ print $3 }')
needed=$(readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
if [ "$exported" != nacre_plugin ]; then
    echo "$1 exports '$exported', expected 'nacre_plugin'"
    exit 1
fi
if [ -n "$needed" ] && [ "$needed" != libc.so.6 ]; then
    echo "$1 needs '$needed', expected at most 'libc.so.6'"
    exit 1
fi
