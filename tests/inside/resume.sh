#!/bin/sh
# A case whose agent asks a model is killed and resumed: what was heard before is heard again, so no settled call is made
# twice.  Needs root.
# shellcheck disable=SC2016 # programs of other shells
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/sh/lib.sh
. "$top/tests/sh/lib.sh"
# shellcheck source=tests/inside/lib.sh
. "$top/tests/inside/lib.sh"
asked() { grep -c '"turn":' "$work/resume.log"; }
slow() { log_has '"type":"gate.run"' setTimeout; }
check "what was reported is an incident" incident
serve resume
config "$url"
agents built-in model
check "the service is ready" ready
"$sickbay" heal "$work/incident.json" --service "$work/service-model.json" --config "$work/sickbay.json" >"$work/out" 2>"$work/err" &
pid=$!
i=0
until slow 2>/dev/null || [ $((i += 1)) -gt 200 ]; do sleep 0.1; done
kill -9 "$pid"
wait "$pid" 2>/dev/null
same "it was killed while a command ran" 5 "$(asked)"
check "answers that were heard lie beside the calls" sh -c 'ls "$1"/calls/heard-patch-*' sh "$(record '')"
case=$(basename "$(record '')")
check "it is resumed" "$sickbay" case resume "$case" --state "$state" --service "$work/service-model.json" --config "$work/sickbay.json"
played resume "the model heard the same as before"
same "no call was made twice" 6 "$(asked)"
same "the case ends as proposed" proposed "$(of "$(record 7-outcome.json)" 'j.outcome')"
check "the log says what was heard again" log_has '"type":"gate.again"'
done_testing
