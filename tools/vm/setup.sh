#!/bin/bash
# What `make vm` and its tests need and no Debian 12 or 13 has: QEMU with the nitro-enclave machine, built from Debian
# 13's source, and vhost-device-vsock, Debian's own from testing, not installed but unpacked. Both come through apt, from
# the mirror that this system uses, with its keys, by a set of lists of its own: the system's sources stay as they are.
#
#   tools/vm/setup.sh    prints the directory that holds them, and makes it when it is not there (12 minutes, 100 MB)
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
series=10.0 # of QEMU, in Debian 13
recipe=1    # rises when what is built here changes
cache=${XDG_CACHE_HOME:-$HOME/.cache}/nacre
dir=$cache/vm-qemu-$series-$recipe-$(dpkg --print-architecture)

"$here/../setup.sh" build vm >&2
mkdir -p "$cache"
exec 9>"$dir.lock"
flock 9
if [ -x "$dir/qemu-system-x86_64" ] && [ -x "$dir/vhost-device-vsock" ]; then
    echo "$dir"
    exit 0
fi

if [ "$(uname -m)" != x86_64 ]; then
    echo "vm: the nitro-enclave machine is an x86-64 one, this is $(uname -m)" >&2
    exit 1
fi
mirror=$(cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list /etc/apt/sources.list 2>/dev/null |
    sed -n 's/^URIs: *\([^ ]*\).*/\1/p; s/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\) .*/\2/p' | grep '/debian/\{0,1\}$' | head -n 1 || true)
if [ -z "$mirror" ]; then
    echo "vm: no Debian mirror in the apt sources of this system" >&2
    exit 1
fi
work=$(mktemp -d "$dir.XXXXXX")
trap 'rm -rf "$work"' EXIT
log=$dir.log
echo "vm: making QEMU and vhost-device-vsock in $dir, once; progress in $log" >&2

signed=""
for keyring in /usr/share/keyrings/debian-archive-keyring.pgp /usr/share/keyrings/debian-archive-keyring.gpg; do
    [ -f "$keyring" ] && signed="signed-by=$keyring"
done
mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial" "$work/files"
cat >"$work/apt/sources.list" <<LIST
deb [$signed] $mirror trixie main
deb-src [$signed] $mirror trixie main
deb [$signed check-valid-until=no] $mirror forky main
LIST
apt() {
    apt-get -q -o Dir::Etc::SourceList="$work/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null -o Dir::State::Lists="$work/apt/lists" \
        -o Dir::Cache="$work/apt/cache" -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none "$@"
}

make_all() {
    cd "$work/files"
    apt update
    apt download vhost-device-vsock/forky meson/trixie
    apt source --download-only qemu
    dpkg-deb -x vhost-device-vsock_*.deb "$work/vsock"
    dpkg-deb -x meson_*.deb "$work/meson" # Debian 12's is too old
    tar xf qemu_"$series".*.orig.tar.xz
    cd qemu-"$series".*/
    sed -i '/^pycotap/d' pythondeps.toml                           # for its tests
    sed -i 's/unpack_edk2_blobs = bzip2.found()/unpack_edk2_blobs = false/' meson.build # Debian's tarball has none
    echo CONFIG_NITRO_ENCLAVE=y >configs/devices/x86_64-softmmu/nitro.mak
    mkdir build-nitro
    cd build-nitro
    PYTHONPATH="$work/meson/usr/lib/python3/dist-packages" ../configure --python=/usr/bin/python3 \
        --target-list=x86_64-softmmu --without-default-features --without-default-devices --with-devices-x86_64=nitro \
        --enable-system --enable-tcg --enable-gnutls --enable-libcbor --enable-vhost-user --enable-fdt=system \
        --disable-werror --disable-install-blobs
    PYTHONPATH="$work/meson/usr/lib/python3/dist-packages" nice ninja -j"$(nproc)" qemu-system-x86_64
    mkdir "$work/done"
    strip -o "$work/done/qemu-system-x86_64" qemu-system-x86_64
    cp "$work/vsock/usr/bin/vhost-device-vsock" "$work/done/"
    "$work/done/vhost-device-vsock" --version
    "$work/done/qemu-system-x86_64" -M help | grep nitro-enclave
    (cd "$work/files" && sha256sum ./*.deb ./*.dsc ./*.orig.tar.xz) >"$work/done/sources"
}
# In a shell of its own: where a function's failure is looked at, `set -e` does not hold inside it.
(make_all) >"$log" 2>&1 &
if ! wait $!; then
    tail -n 30 "$log" >&2
    echo "vm: that failed; all of it is in $log" >&2
    exit 1
fi
rm -rf "$dir"
mv "$work/done" "$dir"
echo "$dir"
