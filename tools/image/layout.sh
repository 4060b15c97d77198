# Read by build-inside.sh: the runtime's ramdisk. Expects $source, $work, $here, $machine.
# shellcheck shell=sh

# Where Debian has its libraries, and the C library looks for them.
libraries=/usr/lib/$machine-linux-gnu

die() {
    printf 'image: %s\n' "$@" >&2
    exit 1
}

# The libraries that a file names itself.
needed() {
    objdump -p "$1" | sed -n 's/^ *NEEDED *//p'
}

# Every library that the files given need, with those that these need, once each.
closure() {
    found="" todo=$*
    while [ -n "$todo" ]; do
        next=""
        for file in $todo; do
            for name in $(needed "$file"); do
                case " $found " in *" $name "*) continue ;; esac
                [ -e "$libraries/$name" ] || [ -e "/$loader_dir/$name" ] || die "$file needs $name, which is nowhere"
                found="$found $name"
                [ ! -e "$libraries/$name" ] || next="$next $libraries/$name"
            done
        done
        todo=$next
    done
    echo "$found"
}

lay_out() {
    made=$work/made root=$work/runtime
    loader=$(objdump -s -j .interp "$made/bin/nacred" >/dev/null && readelf -l "$made/bin/nacred" |
        sed -n 's/.*interpreter: \(.*\)\]/\1/p')
    loader_dir=$(dirname "${loader#/}")
    strip_to "$made/bin/nacred" /init
    strip_to "$made/bin/nacre-http" /usr/bin/nacre-http
    strip_to "$made/bin/nacre-app" /usr/bin/nacre-app
    module=$(find "$made" -name nacre-fetch.so)
    strip_to "$module" /usr/lib/nacre/nacre-fetch.so 644
    kms=$(find "$made" -name nacre-kms.so)
    strip_to "$kms" /usr/lib/nacre/nacre-kms.so 644
    install -D -m 755 "$loader" "$root$loader"
    # Beside what is linked: libm for plugins, and libgcc_s, which the C library opens to end a thread.
    for name in $(closure "$made/bin/nacred" "$made/bin/nacre-http" "$made/bin/nacre-app" "$module" "$kms") libm.so.6 libgcc_s.so.1; do
        [ "$name" = "$(basename "$loader")" ] || install -D -m 644 "$libraries/$name" "$root$libraries/$name"
    done
    install -D -m 644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
    for dir in app dev proc run sys tmp; do mkdir -p "$root/$dir"; done
}

strip_to() {
    mkdir -p "$(dirname "$work/runtime$2")"
    strip --strip-all -o "$work/runtime$2" "$1"
    chmod "${3:-755}" "$work/runtime$2"
}

# Nothing may slip in, and nothing be lost: types, modes and names are those of the list in the tree.
check_list() {
    awk '{ print $1, $NF }' "$work/runtime.list" >"$work/runtime.names"
    sed '/^#/d; /^$/d' "$here/runtime.$machine.list" >"$work/runtime.expected"
    diff -u "$work/runtime.expected" "$work/runtime.names" >"$work/runtime.diff" || {
        sed '1,2d' "$work/runtime.diff" >&2
        die "the runtime's ramdisk is not what tools/image/runtime.$machine.list says (-: expected, +: found)"
    }
}
