#!/bin/sh
# Both agents ask a model, which sees no value of production: one writes the test, the other the fix.  Needs root.
# shellcheck disable=SC2016 # programs of other shells
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/sh/lib.sh
. "$top/tests/sh/lib.sh"
# shellcheck source=tests/inside/lib.sh
. "$top/tests/inside/lib.sh"
check "what was reported is an incident" incident
serve both
config "$url"
agents model model
check "the service is ready" ready
check "a model reproduces and heals the service" heal
played both "both heard what the scenarios wait for"
same "the test is the model's" test/null.test.js "$(of "$(record 3-match.json)" 'j.test_path')"
same "its match is exact" exact "$(of "$(record 3-match.json)" 'j.match')"
same "the case ends as proposed" proposed "$(of "$(record 7-outcome.json)" 'j.outcome')"
check "no value of production was sent" sh -c '! grep -qF canary-b7731 "$1"' sh "$work/both.log"
check "nor a path of this host" sh -c '! grep -qF "$2" "$1"' sh "$work/both.log" "$work"
done_testing
