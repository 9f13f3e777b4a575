#!/bin/sh
# Announces addresses while `veerctl health` is good, and withdraws them while it is not.
#
#   announce.sh bird PROTOCOL...     enables and disables protocols of BIRD
#   announce.sh exabgp PREFIX...     says so to ExaBGP, of which this is a process
#
# One failure withdraws; ANNOUNCE_AFTER checks in a row must be good before it is announced
# (again). Checks are INTERVAL_S apart. VEERCTL is the command, with its options.
set -u

VEERCTL=${VEERCTL:-veerctl}
INTERVAL_S=${INTERVAL_S:-1}
ANNOUNCE_AFTER=${ANNOUNCE_AFTER:-3}

usage() {
    echo "usage: announce.sh bird PROTOCOL... | exabgp PREFIX..." >&2
    exit 2
}

[ $# -ge 2 ] || usage
speaker=$1
shift
case $speaker in
    bird | exabgp) ;;
    *) usage ;;
esac

announce() {
    case $speaker in
        bird) for protocol in "$@"; do birdc enable "$protocol" > /dev/null || return; done ;;
        exabgp) for prefix in "$@"; do echo "announce route $prefix next-hop self"; done ;;
    esac
}

withdraw() {
    case $speaker in
        bird) for protocol in "$@"; do birdc disable "$protocol" > /dev/null || return; done ;;
        exabgp) for prefix in "$@"; do echo "withdraw route $prefix next-hop self"; done ;;
    esac
}

is_announced=false
good=0
trap 'withdraw "$@"; exit 0' INT TERM
withdraw "$@"
while :; do
    if why=$($VEERCTL health 2>&1); then
        good=$((good + 1))
        if [ "$is_announced" = false ] && [ "$good" -ge "$ANNOUNCE_AFTER" ]; then
            echo "veer is healthy: announced" >&2
            announce "$@" && is_announced=true
        fi
    else
        good=0
        if [ "$is_announced" = true ]; then
            echo "veer is not healthy: withdrawn: $why" >&2
            withdraw "$@" && is_announced=false
        fi
    fi
    sleep "$INTERVAL_S"
done
