#!/bin/sh
# Builds the kernel of the image in the tree, once for each source, configuration and compiler, and prints where it
# is: tools/image/kernel.sh TREE [--record]. Its digest must be the recorded one (config/kernel/); --record writes it.
# kernel.sh --where says where that is or would be.
set -eu
. "$(dirname "$0")/common.sh"

tree=$1
fragment=$source_dir/config/kernel/$machine.config
[ -f "$fragment" ] || die "no ${fragment#"$source_dir/"}: no kernel configuration for this architecture yet"

# What decides about the bytes. Packages of the tree that only the programs use may change without a new kernel.
key=$({
    cat "$fragment" "$image_dir/kernel-inside.sh"
    lock_rows | awk '$1 ~ /^(linux-source|gcc|cpp|binutils|libbinutils|flex|bison|m4|bc|make|gzip|libelf)/ { print $3 }'
} | digest | cut -c 1-16)
dir=$cache/kernel-$key
[ "$tree" != --where ] || { echo "$dir"; exit 0; }

if [ ! -f "$dir/bzImage" ]; then
    echo "image: building the kernel, which takes some minutes" >&2
    mkdir -p "$cache"
    work=$(mktemp -d "$cache/work.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    mkdir "$work/build" "$work/out"
    "$image_dir/enter.sh" --ro "$source_dir" /src --rw "$work/build" /build --rw "$work/out" /out "$tree" \
        /src/tools/image/kernel-inside.sh "/src/config/kernel/$machine.config" /build /out >"$work/log" 2>&1 ||
        { tail -n 30 "$work/log" >&2; die "the kernel cannot be built"; }
    mv -T "$work/out" "$dir" 2>/dev/null || [ -f "$dir/bzImage" ]
fi

"$image_dir/kernel-check.sh" "$dir/bzImage" "${2:-}" >&2
echo "$dir/bzImage"
