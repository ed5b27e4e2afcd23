#!/bin/sh
# The built-in agent that asks a model: it finds the fix of a service in several turns behind the gate.  Needs root.
# shellcheck disable=SC2016 # programs of other shells
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/sh/lib.sh
. "$top/tests/sh/lib.sh"
# shellcheck source=tests/inside/lib.sh
. "$top/tests/inside/lib.sh"
check "what was reported is an incident" incident
serve heal
config "$url"
agents built-in model
check "the service is ready" ready
check "a model heals the service in several turns" heal
[ -z "$bad" ] || [ "$bad" = 0 ] || sed 's/^/# /' "$work/err" "$work/out"
played heal "it heard what the scenario waits for, turn by turn"
same "the case ends as proposed" proposed "$(of "$(record 7-outcome.json)" 'j.outcome')"
same "the author is the model" scripted/scripted-1 "$(of "$(record 4-patch.json)" 'JSON.stringify(j).match(/"model":"([^"]*)"/)[1]')"
check "each command is in the log with its words" log_has '"type":"gate.run"' '"node","-p"'
check "and how it ended" log_has '"type":"gate.ran"' '"exit":"exited"'
check "the pull request has what the model wrote" grep -q 'no item has no length' "$(record pr.md)"
done_testing
