#!/usr/bin/env bash
# Judge every new delivery below a folder, each once: for cron (see docs/ci.md).
#
#   watch.sh DELIVERIES REPORTS [options of pytest]
#
# A delivery is a folder directly below DELIVERIES. It is judged when nothing in it has changed for QUIET_SECONDS
# (default 600), and again only when its files change. Ends with 0 when every delivery that it judged passed, with 1
# when one did not, and with 0 when there was nothing to do or another watch.sh is at work.
set -euo pipefail

if [ $# -lt 2 ] || [ ! -d "$1" ]; then
    echo "usage: watch.sh DELIVERIES REPORTS [options of pytest]; DELIVERIES is a folder that is there" >&2
    exit 2
fi
deliveries=$(cd "$1" && pwd)
mkdir -p "$2/.judged"
reports=$(cd "$2" && pwd)
shift 2
quiet=${QUIET_SECONDS:-600}
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

exec 9> "$reports/.judged/lock"
flock --nonblock 9 || exit 0

status=0
for delivery in "$deliveries"/*/; do
    delivery=${delivery%/}
    [ -d "$delivery" ] || continue
    # The time of the last change on this disk: copying tools set the other times as they like.
    changed=$(find "$delivery" -newerct "$quiet seconds ago" -print -quit)
    first=$(find "$delivery" -type f -print -quit)
    if [ -n "$changed" ] || [ -z "$first" ]; then
        continue
    fi
    files=$(find "$delivery" -type f -printf '%P %s %T@\0' | sort -z | sha256sum | cut -c1-16)
    name=$(basename "$delivery")
    mark="$reports/.judged/$name.$files"
    [ -e "$mark" ] && continue

    code=0
    (cd "$project" && pytest checks/ --delivery="$delivery" --reports="$reports" "$@") > "$mark.part" 2>&1 9>&- || code=$?
    # Broken off (2, or ended by a signal): the next call judges it again.
    if [ "$code" -eq 2 ] || [ "$code" -ge 128 ]; then
        status=1
        continue
    fi
    echo "exit code $code" >> "$mark.part"
    mv "$mark.part" "$mark"
    [ "$code" -eq 0 ] || status=1
    case $code in
        0) echo "$name: pass" ;;
        1) echo "$name: not a pass, see $reports" ;;
        *) echo "$name: not judged (exit code $code), see $mark" ;;
    esac
done
exit $status
