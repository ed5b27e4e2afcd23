#!/bin/sh
# The scripted model itself: each protocol asked by hand.
# shellcheck disable=SC1091
set -u
. "$(dirname "$0")/../sh/lib.sh"
here=$(dirname "$0")
said=$(mktemp)
trap 'rm -f "$said"' EXIT
node "$here/selftest.js" >"$said" 2>&1
while read -r verdict text; do check "$text" test "$verdict" = ok; done <"$said"
check "it asked at least twenty-five times" test "$(wc -l <"$said")" -ge 25
done_testing
