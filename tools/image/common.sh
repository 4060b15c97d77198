# Read by the scripts of this folder: where things are, and how to say that something is wrong. Not run by itself.
# shellcheck shell=sh

image_dir=$(cd "$(dirname "$0")" && pwd)
source_dir=$(cd "$image_dir/../.." && pwd)
machine=$(uname -m)
# Debian's name for it.
arch=$(echo "$machine" | sed 's/^x86_64$/amd64/; s/^aarch64$/arm64/')
lock=$image_dir/packages.$arch.lock
cache=${NACRE_CACHE:-${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}/nacre}

# The one suite everything is from, whatever the host is.
suite=trixie
snapshot_host=${NACRE_SNAPSHOT:-http://snapshot.debian.org/archive}

# Temporary folders go also when somebody ends it: a shell runs its EXIT trap only when it ends by itself.
trap 'exit 130' HUP INT TERM

die() {
    printf 'image: %s\n' "$@" >&2
    exit 1
}

# The rows of the lock: NAME VERSION SHA256 BYTES ARCHIVE PATH.
lock_rows() {
    [ -f "$lock" ] || die "no $lock: nothing is pinned for this architecture ($arch)"
    grep -v '^#' "$lock"
}

lock_date() {
    sed -n 's/^# date //p' "$lock"
}

digest() {
    sha256sum | cut -d ' ' -f 1
}

# The host's own mirror of an archive ("debian" or "debian-security"), from its apt sources. Security updates that those do
# not name lie beside the archive, as they do on Debian's own mirrors.
mirror_of() {
    case $1 in
    debian) [ -z "${NACRE_MIRROR:-}" ] || { echo "$NACRE_MIRROR"; return; } ;;
    debian-security) [ -z "${NACRE_SECURITY_MIRROR:-}" ] || { echo "$NACRE_SECURITY_MIRROR"; return; } ;;
    esac
    found=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
        sed -n 's/^URIs: *//p; s/^deb \(\[[^]]*\] *\)\?\([^ ]*\) .*/\2/p' | tr ' ' '\n' | grep "/$1/\?\$" | head -n 1 | sed 's,/*$,,')
    if [ -z "$found" ] && [ "$1" = debian-security ]; then
        found=$(mirror_of debian)
        found=${found%/debian}/debian-security
    fi
    [ -n "$found" ] || die "no mirror of $1 in the apt sources of this host: name one with NACRE_MIRROR=URL"
    echo "$found"
}
