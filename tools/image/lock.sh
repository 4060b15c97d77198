#!/bin/sh
# Writes the lock: which version of which package the image is built in, with its digest. `make image-lock`.
# What apt would install today, of one suite and its security updates, is resolved in a directory of its own: nothing
# of the host's packages matters. Debian's signatures are checked here, and the digests from here on.
set -eu
. "$(dirname "$0")/common.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -f "$keyring" ] || die "no $keyring: install debian-archive-keyring"

mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/none"
: >"$work/status"
{
    echo "deb [signed-by=$keyring] $(mirror_of debian) $suite main"
    echo "deb [signed-by=$keyring] $(mirror_of debian-security) $suite-security main"
} >"$work/sources.list"
cat >"$work/apt.conf" <<S
Dir::State::status "$work/status";
Dir::State::lists "$work/lists";
Dir::Cache "$work/cache";
Dir::Etc::sourcelist "$work/sources.list";
Dir::Etc::sourceparts "$work/none";
Dir::Etc::preferences "$work/none/preferences";
Dir::Etc::preferencesparts "$work/none";
APT::Architecture "$arch";
APT::Architectures "$arch";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
S
export APT_CONFIG="$work/apt.conf" LC_ALL=C
apt-get update -qq || die "the mirror cannot be read"

names=$({ awk '$1 == "build" { print $2 }' "$source_dir/tools/packages.txt"; grep -v '^#' "$image_dir/packages.txt"; } | sort -u)
# shellcheck disable=SC2086 # a list of words
apt-get --simulate --no-install-recommends install $names >"$work/plan" 2>"$work/errors" ||
    die "apt finds no solution:" "$(cat "$work/errors" "$work/plan")"

# Inst libc6 (2.41-12 Debian:13/stable [amd64])
sed -n 's/^Inst \([^ ]*\) (\([^ ]*\) .*/\1=\2/p' "$work/plan" | sort >"$work/chosen"
[ -s "$work/chosen" ] || die "apt chose no packages"
xargs apt-cache show <"$work/chosen" | awk '
    function put() {
        if (name == "") return
        archive = path ~ /^pool\/updates\// ? "debian-security" : "debian"
        print name, version, sha, size, archive, path
        name = ""
    }
    /^Package: / { put(); name = $2 }
    /^Version: / { version = $2 }
    /^SHA256: / { sha = $2 }
    /^Size: / { size = $2 }
    /^Filename: / { path = $2 }
    END { put() }' | LC_ALL=C sort -u | awk '!seen[$1]++' >"$work/rows"
[ "$(wc -l <"$work/rows")" -eq "$(wc -l <"$work/chosen")" ] ||
    die "$(wc -l <"$work/chosen") packages chosen, $(wc -l <"$work/rows") found in the lists"
if [ -f "$lock" ] && lock_rows | cmp -s - "$work/rows"; then
    echo "image: nothing has changed in $lock"
    exit 0
fi
{
    echo "# Made by tools/image/lock.sh (make image-lock). Every package of the tree that the image is built in:"
    echo "# name, version, SHA-256 and bytes of the .deb, archive, path there."
    echo "# suite $suite"
    echo "# date $(date -u +%Y%m%dT%H%M%SZ)"
    cat "$work/rows"
} >"$lock.new"
mv "$lock.new" "$lock"
echo "image: $(wc -l <"$work/rows") packages in $lock"
