#!/bin/sh
# Runs a command inside a tree, with no network, no processes of the host in sight and nothing of its environment:
#   enter.sh [--ro HOST INSIDE | --rw HOST INSIDE | --env NAME=VALUE]... TREE COMMAND [ARGUMENT...]
# The tree itself cannot be written to; /tmp is empty, and what --ro and --rw name is there. As root it uses namespaces,
# as anybody else a user namespace too, so no privileges are needed where Debian's defaults stand.
# NACRE_IMAGE_ENTER holds more such options (words), for tests and for a look around.
set -eu
. "$(dirname "$0")/common.sh"

mounts() {
    mount --make-rprivate /
    mount --bind "$1" "$1"
    # A user namespace may not clear what the host's mount has set; it may add to it.
    mount -o remount,bind,ro "$1" 2>/dev/null || mount -o remount,bind,ro,nosuid,nodev "$1" 2>/dev/null || true
    mount -t tmpfs -o mode=1777 tmpfs "$1/tmp"
    mount -t proc proc "$1/proc"
    for node in null zero full random urandom; do mount --bind "/dev/$node" "$1/dev/$node"; done
}

if [ "${NACRE_IMAGE_INSIDE:-}" != yes ]; then
    more="--map-root-user"
    [ "$(id -u)" -ne 0 ] || more=""
    # shellcheck disable=SC2086 # words
    NACRE_IMAGE_INSIDE=yes exec unshare $more --mount --net --pid --ipc --uts --fork --kill-child \
        "$image_dir/enter.sh" ${NACRE_IMAGE_ENTER:-} "$@"
fi

tab=$(printf '\t')
binds=""
env=""
while [ $# -gt 0 ]; do
    case $1 in
    --ro | --rw)
        binds="$binds$1$tab$2$tab$3
"
        shift 3
        ;;
    --env)
        env="$env $2"
        shift 2
        ;;
    *) break ;;
    esac
done
tree=$1
shift
mounts "$tree"
printf '%s' "$binds" | while IFS=$tab read -r kind host inside; do
    if [ -d "$host" ]; then
        mkdir -p "$tree$inside"
    else
        mkdir -p "$(dirname "$tree$inside")" && [ -e "$tree$inside" ] || : >"$tree$inside"
    fi
    mount --bind "$host" "$tree$inside"
    [ "$kind" = --rw ] || mount -o remount,bind,ro "$tree$inside" 2>/dev/null || true
done
cd "$tree"
# shellcheck disable=SC2086 # words
exec chroot "$tree" /usr/bin/env -i PATH=/usr/bin:/usr/sbin HOME=/ $env "$@"
