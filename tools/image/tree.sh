#!/bin/sh
# Unpacks the packages of the lock into a tree to build in, and prints where: tools/image/tree.sh
# tools/image/tree.sh DIR unpacks them there. The tree depends on the lock and on this script alone: no maintainer
# script runs, so nothing of host, time or user gets into it, and no privileges are needed.
set -eu
. "$(dirname "$0")/common.sh"
umask 022

# Names of the lists that the lock does not have: somebody added a package and did not lock it.
unlocked() {
    lock_rows | cut -d ' ' -f 1 >"$1"
    { awk '$1 == "build" { print $2 }' "$source_dir/tools/packages.txt"; grep -v '^#' "$image_dir/packages.txt"; } |
        grep -vxF -f "$1" || true
}

# base-files first: it has the links of a merged /usr, through which the others are unpacked.
unpack() {
    lock_rows | awk '{ print $1 != "base-files", $0 }' | sort -s -k 1,1n | cut -d ' ' -f 2- |
        while read -r name version sha rest; do
            dpkg-deb --fsys-tarfile "$cache/debs/$sha.deb" >"$1.tar"
            tar -x -f "$1.tar" -C "$1" --keep-directory-symlink --no-same-owner --no-same-permissions --mode=u+w
            # Which file is whose: for the record of what is in the image.
            tar -t -f "$1.tar" | sed -n "s,^\./,/,; /\/\$/!s,^,$name $version ,p" >>"$1/nacre-files"
            rm -f "$1.tar"
        done
}

# What maintainer scripts would have done, as far as a build needs it.
finish() {
    root=$1
    for link in awk:gawk cc:gcc sh:dash; do
        [ -e "$root/usr/bin/${link%%:*}" ] || ln -s "${link##*:}" "$root/usr/bin/${link%%:*}"
    done
    # The CA bundle, as update-ca-certificates makes it with nothing chosen by hand.
    mkdir -p "$root/etc/ssl/certs"
    find "$root/usr/share/ca-certificates/mozilla" -name '*.crt' | LC_ALL=C sort |
        while read -r crt; do cat "$crt"; echo; done | sed '/^$/d' >"$root/etc/ssl/certs/ca-certificates.crt"
    mkdir -p "$root/proc" "$root/dev" "$root/tmp" "$root/src" "$root/build" "$root/out" "$root/input"
    for node in null zero full random urandom; do : >"$root/dev/$node"; done
    ln -s /proc/self/fd "$root/dev/fd"
    echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
    echo 'root:x:0:' >"$root/etc/group"
}

make_tree() {
    "$image_dir/fetch.sh"
    mkdir -p "$1"
    unpack "$1"
    finish "$1"
    cp "$lock" "$1/nacre-lock"
}

names=$(mktemp)
new=$(unlocked "$names")
rm -f "$names"
[ -z "$new" ] || die "not in $lock:" "$new" "Run 'make image-lock' and commit what it changes."

if [ $# -gt 0 ]; then
    make_tree "$1"
    exit 0
fi
tree=$cache/tree-$({ lock_rows; cat "$image_dir/tree.sh"; } | digest | cut -c 1-16)
if [ ! -d "$tree" ]; then
    mkdir -p "$cache"
    # Two at once (two users of one cache) both work, and the second to end throws its own away.
    part=$(mktemp -d "$tree.XXXXXX")
    trap 'rm -rf "$part" "$part.tar"' EXIT
    chmod 755 "$part"
    make_tree "$part" >&2
    mv -T "$part" "$tree" 2>/dev/null || [ -d "$tree" ]
fi
echo "$tree"
