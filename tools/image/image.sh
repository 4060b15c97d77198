#!/bin/sh
# What `make image` does: tools/image/image.sh OUT APP, or OUT --plugin FILE. CONFIG=DIR: the app's configuration.
# Makes the tree of the lock and the kernel, or takes them from the cache, builds the image inside the tree, and
# prints what is in it.
set -eu
. "$(dirname "$0")/common.sh"
out=$1 app=$2 plugin=${3:-}
umask 022

if [ "$app" = --plugin ]; then
    [ -f "$plugin" ] || die "PLUGIN=$plugin: no such file"
    [ -n "${CONFIG:-}" ] || die "PLUGIN=$plugin needs CONFIG=DIR, with nacre.yaml and allowed_endpoints.yaml in it"
elif [ ! -f "$source_dir/plugins/$app/CMakeLists.txt" ]; then
    die "no app '$app'; there are:$(for d in "$source_dir"/plugins/*/; do printf ' %s' "$(basename "$d")"; done)"
fi
if [ -n "${CONFIG:-}" ]; then
    # The builder looks again, at the ramdisk that came of it; this says it before anything is built.
    [ -d "$CONFIG" ] || die "CONFIG=$CONFIG: no such folder"
    for name in nacre.yaml allowed_endpoints.yaml; do
        [ -f "$CONFIG/$name" ] || die "CONFIG=$CONFIG: $name is missing"
    done
    for name in manifest.cbor plugin.so; do
        [ ! -e "$CONFIG/$name" ] || die "CONFIG=$CONFIG: $name is written by the builder, and may not be there"
    done
    strange=$(find "$CONFIG" -mindepth 1 ! -type f ! -type d)
    [ -z "$strange" ] || die "CONFIG=$CONFIG: neither a regular file nor a folder:" "$strange"
fi

tree=$("$image_dir/tree.sh")
kernel=$("$image_dir/kernel.sh" "$tree")
mkdir -p "$out" "$cache"
work=$(mktemp -d "$cache/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/build" "$work/out"

# Where things are inside does not matter to the image: the tests set NACRE_IMAGE_ROOM to show it.
room=${NACRE_IMAGE_ROOM:-}
set -- --ro "$source_dir" "$room/src" --rw "$work/build" "$room/build" --rw "$work/out" "$room/out" \
    --ro "$(dirname "$kernel")" /tmp/kernel
[ -z "${SOURCE_DATE_EPOCH:-}" ] || set -- "$@" --env "SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH"
[ -z "${CONFIG:-}" ] || set -- "$@" --ro "$CONFIG" /tmp/config --env CONFIG=/tmp/config
if [ "$app" = --plugin ]; then
    set -- "$@" --ro "$plugin" "/tmp/plugin/$(basename "$plugin")"
    app="--plugin /tmp/plugin/$(basename "$plugin")"
fi
# shellcheck disable=SC2086 # two words at most
"$image_dir/enter.sh" "$@" "$tree" "$room/src/tools/image/build-inside.sh" "$room/src" "$room/build" "$room/out" \
    /tmp/kernel/bzImage $app
rm -rf "$out/app"
cp -R "$work/out/." "$out/"
"$image_dir/show.sh" "$out"
