#!/bin/sh
# Runs inside the tree, by `make image` and by the Containerfile alike: compiles nacre and one app, lays out the two
# ramdisks, and writes image, measurements and record.
#   build-inside.sh SOURCE WORK OUTPUT KERNEL APP               an app of this tree
#   build-inside.sh SOURCE WORK OUTPUT KERNEL --plugin FILE     one from outside
# CONFIG=DIR in the environment: the app's configuration; must be given with --plugin.
# Everything that could differ between two machines is set here or not looked at.
set -eu
umask 022
export LC_ALL=C TZ=UTC SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-0}"
source=$1 work=$2 output=$3 kernel=$4 app=$5
plugin=${6:-}
here=$source/tools/image
machine=$(uname -m)
. "$here/layout.sh"

say() {
    echo "image: $*" >&2
}

compile() {
    targets="nacred nacre-http nacre-app nacre-fetch nacre-kms nacre"
    [ -n "$plugin" ] || targets="$targets plugin-$app plugin-$app-allow"
    cmake -S "$source" -B "$work/build" -G Ninja --log-level=WARNING -DNACRE_OUT="$work/made" -DNACRE_TESTS=OFF \
        -DCMAKE_BUILD_TYPE=RelWithDebInfo >"$work/log" 2>&1 || fail "the build cannot be configured"
    # shellcheck disable=SC2086 # words
    cmake --build "$work/build" -j "$(nproc)" --target $targets >"$work/log" 2>&1 || fail "the build fails"
}

fail() {
    tail -n 40 "$work/log" >&2
    die "$1"
}

# The app's configuration in one folder, whatever it comes from.
gather_config() {
    if [ -n "${CONFIG:-}" ]; then
        cp -R -P "$CONFIG/." "$work/config/"
        return 0
    fi
    [ -z "$plugin" ] || die "--plugin needs CONFIG=DIR with nacre.yaml and allowed_endpoints.yaml"
    own=$source/plugins/$app/image.yaml
    [ -f "$own" ] || own=$source/config/image.yaml
    install -m 644 "$own" "$work/config/nacre.yaml"
    install -m 644 "$work/made/plugins/$app/allowed_endpoints.yaml" "$work/config/"
}

gather_plugin() {
    if [ -n "$plugin" ]; then
        install -m 644 "$plugin" "$work/plugin.so"
    else
        strip --strip-unneeded -o "$work/plugin.so" "$work/made/plugins/$app/$app.so"
    fi
    # The runtime is the same for every app: a plugin has to do with the libraries that are there.
    for name in $(needed "$work/plugin.so"); do
        [ -e "$work/runtime$libraries/$name" ] ||
            die "the plugin needs $name, which is not in the runtime: link it statically. There are:" \
                "$(ls "$work/runtime$libraries")"
    done
}

make_images() {
    tool=$work/made/bin/nacre
    "$tool" eif ramdisk --root "$work/runtime" -o "$output/runtime.cpio.gz"
    "$tool" eif ramdisk --app "$work/plugin.so" --config "$work/config" -o "$output/app.cpio.gz"
    "$tool" eif build --kernel "$kernel" --cmdline-file "$source/config/kernel/cmdline" --arch "$machine" \
        --ramdisk "$output/runtime.cpio.gz" --app-ramdisk "$output/app.cpio.gz" --name "nacre-$app" \
        -o "$output/nitro.eif" --pcrs "$output/nitro.pcrs" >/dev/null
    # What was written, read back: by the checker that everybody else uses.
    "$tool" eif verify "$output/nitro.eif" --pcrs "$output/nitro.pcrs" --app "$work/plugin.so" \
        --config "$work/config" >"$work/log" 2>&1 || fail "the image does not stand its own check"
    "$tool" eif list "$output/runtime.cpio.gz" >"$work/runtime.list"
    "$tool" eif list "$output/app.cpio.gz" >"$work/app.list"
}

[ -z "$plugin" ] || app=$(basename "$plugin" .so)
mkdir -p "$work/config" "$work/runtime"
say "compiling"
compile
lay_out
gather_config
gather_plugin
make_images
check_list
# The app's parts, for `nacre eif verify --app` and for clients that state which plugin they expect.
rm -rf "$output/app"
mkdir "$output/app"
cp -R "$work/config" "$output/app/config"
install -m 644 "$work/plugin.so" "$output/app/plugin.so"
"$tool" plugin manifest "$work/plugin.so" --config "$work/config/nacre.yaml" \
    --allow "$work/config/allowed_endpoints.yaml" -o "$output/app/manifest.cbor"
install -m 644 "$kernel" "$output/bzImage"
"$here/record-inside.sh" "$work" "$output" >"$output/image.manifest"
"$here/sbom.sh" "$output/image.manifest" >"$output/nitro.spdx.json"
