#!/bin/sh
# What `make run` does once everything is built: tools/run.sh OUT APP LISTEN SECRETS [OPTION...]
# Prints requests to copy (plugins/APP/requests.txt, URL standing for the address), then becomes `nacre dev`.
set -eu

out=$1 app=$2 listen=$3 secrets=$4
shift 4
url="http://$listen"

if [ ! -d "plugins/$app" ]; then
    echo "run: no app '$app'; there are:$(for d in plugins/*/; do printf ' %s' "$(basename "$d")"; done)" >&2
    exit 2
fi

if [ -z "$secrets" ] && [ "$app" = weather ]; then
    echo "run: weather needs an API key of weatherapi.com. Put {\"API_KEY\":\"...\"} into a file and say" >&2
    echo "run:   make run ENCLAVE_APP=weather SECRETS=that-file" >&2
    echo "run: or see it work without one, against a recorded reply: make demo ENCLAVE_APP=weather" >&2
    exit 2
fi

if [ "$app" = sentinel ] && [ $# -eq 0 ]; then
    echo "run: sentinel needs to know whose Attack objects it judges: make run ENCLAVE_APP=sentinel ARGS='--set plugin.testnet.package=0x...'" >&2
    echo "run: or see it work with a local Sui and AI module: make demo ENCLAVE_APP=sentinel; plugins/sentinel/README.md has more" >&2
    exit 2
fi

# Its data lies in Walrus. Without a word about where that is, a store on this machine stands in for it, one port on.
store=STORE
case "$app $*" in
mltraining*--blob-store* | mltraining*--upstream* | mltraining*--ca*) ;;
mltraining*)
    port=${listen##*:}
    [ "$port" -eq 0 ] || port=$((port + 1))
    store=https://127.0.0.1:$port
    set -- --blob-store "127.0.0.1:$port" "$@"
    ;;
esac

echo "Requests to copy, once the ready line is there (Ctrl-C ends it):"
echo "  curl $url/health_check"
echo "  curl $url/get_attestation"
echo "  curl $url/openapi.json"
if [ -f "plugins/$app/requests.txt" ]; then
    sed -e '/^#/d' -e '/^$/d' -e "s|URL|$url|g" -e "s|STORE|$store|g" -e 's/^/  /' "plugins/$app/requests.txt"
fi

if [ -n "$secrets" ]; then
    set -- --secrets "$secrets" "$@"
fi
exec "$out/bin/nacre" dev --app "$app" --listen "$listen" "$@"
