#!/bin/sh
# Prints what is in an image, from its record: tools/image/show.sh OUT
set -eu
awk '
    BEGIN { printf "%-8s %-52s %9s  %s\n", "where", "file", "bytes", "SHA-256" }
    $1 == "runtime" || $1 == "app" {
        printf "%-8s %-52s %9d  %s\n", $1, $2, $3, $4
        sum[$1] += $3
    }
    $1 == "output" { size[$2] = $3; digest[$2] = $4; order[++n] = $2 }
    $1 == "measurement" { pcr[++m] = $2 " " $3 }
    $1 == "package" { packages++ }
    END {
        print ""
        for (i = 1; i <= n; i++) printf "%-17s %9d  %s\n", order[i], size[order[i]], digest[order[i]]
        printf "\nruntime %d bytes, compressed %d (%.2f MiB); app %d bytes; built from %d packages\n",
            sum["runtime"], size["runtime.cpio.gz"], size["runtime.cpio.gz"] / 1048576, sum["app"], packages
        for (i = 1; i <= m; i++) print pcr[i]
    }' "$1/image.manifest"
