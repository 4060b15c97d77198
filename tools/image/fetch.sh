#!/bin/sh
# Brings every package of the lock into CACHE/debs/SHA256.deb: tools/image/fetch.sh
# From the host's mirror, and what that no longer has from the dated snapshot. Where a file comes from does not
# matter: one whose digest is not the lock's is not used.
set -eu
. "$(dirname "$0")/common.sh"

debs=$cache/debs
mkdir -p "$debs"
list=$(mktemp)
trap 'rm -f "$list" "$list.log"' EXIT

missing() {
    lock_rows | while read -r name version sha size archive path; do
        [ -f "$debs/$sha.deb" ] || echo "$name $version $sha $size $archive $path"
    done
}

# download BASE-OF-debian BASE-OF-debian-security: what is missing, in one run of apt's downloader, which uses the
# host's proxy settings. It goes on after a failure, so a second source can bring the rest. The digest is compared
# here and not by apt, whose message does not show both.
download() {
    missing >"$list"
    [ -s "$list" ] || return 0
    set -- "$1" "$2" "$PWD"
    cd "$debs"
    awk -v main="$1" -v security="$2" '{
        printf "%s/%s\n%s.part\n", $5 == "debian" ? main : security, $6, $3
    }' "$list" | xargs /usr/lib/apt/apt-helper -o APT::Sandbox::User="" -o Acquire::Retries=3 download-file \
        >"$list.log" 2>&1 || true
    while read -r name version sha rest; do
        [ -f "$sha.part" ] || continue
        got=$(digest <"$sha.part")
        [ "$got" = "$sha" ] || { rm -f "$sha.part"; die "$name $version has SHA-256 $got, the lock says $sha"; }
        mv "$sha.part" "$sha.deb"
    done <"$list"
    cd "$3"
}

[ -x /usr/lib/apt/apt-helper ] || die "no /usr/lib/apt/apt-helper: this needs a Debian host, or the Containerfile"
n=$(missing | wc -l)
[ "$n" -eq 0 ] || echo "image: fetching $n packages" >&2
download "$(mirror_of debian)" "$(mirror_of debian-security)"
stamp=$(lock_date)
download "$snapshot_host/debian/$stamp" "$snapshot_host/debian-security/$stamp"

missing >"$list"
[ ! -s "$list" ] || {
    tail -n 20 "$list.log" >&2
    die "neither the mirror nor the snapshot of $stamp has these versions of the lock:" \
        "$(awk '{ print "  " $1 " " $2 }' "$list")" \
        "Debian may have replaced them. Three ways out: NACRE_MIRROR=URL (and NACRE_SECURITY_MIRROR=URL) of a mirror" \
        "that has them; NACRE_SNAPSHOT=URL of a snapshot archive; or 'make image-lock', which takes the versions of" \
        "today: the image, its PCRs and perhaps the kernel's digest then change, so commit the lock with that said."
}
