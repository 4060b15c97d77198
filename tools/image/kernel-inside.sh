#!/bin/sh
# Runs inside the tree: builds the kernel. kernel-inside.sh FRAGMENT WORK OUTPUT
# Debian's source, tinyconfig and our fragment; time, user and host are fixed, so the same bytes come out everywhere.
set -eu
umask 022
fragment=$1 work=$2 output=$3
export LC_ALL=C TZ=UTC KBUILD_BUILD_TIMESTAMP=@1 KBUILD_BUILD_USER=nacre KBUILD_BUILD_HOST=nacre

cd "$work"
tar -x --no-same-owner -f /usr/src/linux-source-6.12.tar.xz
cd linux-source-6.12
make -s tinyconfig
./scripts/kconfig/merge_config.sh -m .config "$fragment" >"$work/merge.log"
make -s olddefconfig
# An option that this kernel does not know, or whose dependencies are missing, is dropped without a word: say it.
lost=$(grep -E '^(CONFIG_|# CONFIG_)' "$fragment" | while read -r line; do
    case $line in
    '#'*) name=${line#'# '}; ! grep -q "^${name%% *}=" .config ;;
    *) grep -qxF -- "$line" .config ;;
    esac || echo "$line"
done)
[ -z "$lost" ] || { echo "kernel: these did not get into .config:"; echo "$lost"; exit 1; } >&2
make -s -j"$(nproc)" bzImage
cp arch/x86/boot/bzImage "$output/bzImage"
cp .config "$output/config"
