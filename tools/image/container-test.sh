#!/bin/sh
# Shows that the Containerfile gives what `make image` gives: tools/image/container-test.sh OUT APP
# The base is made here, by debootstrap, where a registry would be asked otherwise; buildah needs no daemon. As root.
# The kernel is built in the container too, unless KERNEL=cached says to take that of `make image`.
set -eu
. "$(dirname "$0")/common.sh"
out=$1 app=$2
[ "$(id -u)" -eq 0 ] || die "this needs root: debootstrap and buildah make trees that belong to it"

"$image_dir/image.sh" "$out" "$app" >/dev/null
work=$(mktemp -d "$cache/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
bud() {
    buildah --root "$work/storage" --runroot "$work/run" --storage-driver vfs "$@"
}

# A base that nobody else has, found by its digest all the same.
debootstrap --variant=minbase "$suite" "$work/base" "$(mirror_of debian)" >"$work/log" 2>&1 ||
    { tail -n 20 "$work/log" >&2; die "debootstrap fails"; }
tar -C "$work/base" -cf "$work/base.tar" .
container=$(bud from scratch)
bud add --quiet "$container" "$work/base.tar" / >/dev/null
bud commit --quiet "$container" localhost/nacre-base >/dev/null
bud rm "$container" >/dev/null
base=localhost/nacre-base@$(bud images --format '{{.Digest}}' localhost/nacre-base)

# build [OPTION...] -> $work/out
build() {
    bud build --isolation chroot --output "type=local,dest=$work/out" --build-arg ENCLAVE_APP="$app" \
        -f "$source_dir/Containerfile" "$@" "$source_dir" >"$work/log" 2>&1
}

if build --build-arg BASE=localhost/nacre-base; then
    die "the Containerfile took a base without a digest"
fi
grep -q 'is not pinned' "$work/log" || { tail -n 20 "$work/log" >&2; die "a base without a digest fails otherwise"; }

set --
[ "${KERNEL:-}" != cached ] || set -- --volume "$("$image_dir/kernel.sh" --where):/kernel-cache:ro"
build --build-arg BASE="$base" "$@" || { tail -n 40 "$work/log" >&2; die "the Containerfile cannot be built"; }
for name in nitro.eif nitro.pcrs runtime.cpio.gz app.cpio.gz bzImage image.manifest nitro.spdx.json; do
    cmp "$out/$name" "$work/out/$name" || die "the container's $name is another one"
done
echo "image: the Containerfile on $base gives the same bytes:"
cat "$work/out/nitro.pcrs"
