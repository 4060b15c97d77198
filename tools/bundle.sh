#!/bin/sh
# tools/bundle.sh OUT HOST_YAML IMAGE PCRS ALLOW FILE: what a parent instance needs, as one tar.gz to be unpacked at /,
# the same bytes for the same input. OUT is the build (out/). The program brings its libraries and loader along, so that
# one built on Debian runs on Amazon Linux, whose C library is older. Prints the bundle's SHA-256.
set -eu
[ $# -eq 6 ] || { sed -n '2,4s/^# //p' "$0" >&2; exit 2; }
command -v patchelf >/dev/null || { echo "bundle: no program 'patchelf'" >&2; exit 1; }
out=$1 host=$2 image=$3 pcrs=$4 allow=$5 file=$6
here=$(cd "$(dirname "$0")/.." && pwd)
umask 022

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir -p "$root/opt/nacre/lib" "$root/opt/nacre/image" "$root/usr/bin" "$root/etc/nacre" \
    "$root/etc/systemd/system/nitro-enclaves-allocator.service.d" "$root/etc/logrotate.d"

ldd "$out/bin/nacre" >"$work/ldd"
if grep 'not found' "$work/ldd" >&2; then exit 1; fi
sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p' "$work/ldd" | while IFS= read -r library; do
    cp -L "$library" "$root/opt/nacre/lib/"
done
loader=$(sed -n 's/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p' "$work/ldd")
# Its own loader and its own libraries, for what the libraries need as well (RPATH, not RUNPATH), and for nothing that it
# starts: nitro-cli has the system's.
cp "$out/bin/nacre" "$root/usr/bin/nacre"
patchelf --force-rpath --set-rpath /opt/nacre/lib --set-interpreter "/opt/nacre/lib/${loader##*/}" "$root/usr/bin/nacre"

cp "$host" "$root/etc/nacre/host.yaml"
cp "$image" "$root/opt/nacre/image/nitro.eif"
cp "$pcrs" "$root/opt/nacre/image/nitro.pcrs"
cp "$allow" "$root/opt/nacre/image/allowed_endpoints.yaml"
cp "$here"/config/systemd/*.service "$here"/config/systemd/*.timer "$root/etc/systemd/system/"
cp "$here/config/systemd/nitro-enclaves-allocator.service.d/nacre.conf" \
    "$root/etc/systemd/system/nitro-enclaves-allocator.service.d/"
cp "$here/config/systemd/logrotate.conf" "$root/etc/logrotate.d/nacre"
chmod -R u=rwX,go=rX "$root"

tar -C "$root" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --format=gnu -cf "$work/bundle.tar" etc opt usr
gzip -6n <"$work/bundle.tar" >"$file"
sha256sum "$file"
