#!/bin/sh
# A model that stalls, that is cut off in the middle of an answer, that answers what is no answer, or 10 MiB of one, or is
# overloaded: where it recovers the case is healed, where it does not it ends honestly, by the name of what happened.
# Needs root.
# shellcheck disable=SC2016 # programs of other shells
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/sh/lib.sh
. tests/model/lib.sh
agents built-in model
policy 0.90
FAULT=mixed
export FAULT
rm -f "$work/faults.log"
serve faults
line='"connect": "10s", "stall": "20s", "total": "60s", "retries": 1,'
short='"connect": "10s", "stall": "1s", "total": "60s", "retries": 1,' # only where the model stalls: a busy machine does, too
host "$url" "$line"
prepared
for fault in "stall:stalled" "cut:disconnected" "garbage:garbage" "huge:too-large" "busy:overloaded"; do
	FAULT=${fault%:*}
	rm -f "$work/faults.log"
	serve faults
	case $FAULT in stall) host "$url" "$short" ;; *) host "$url" "$line" ;; esac
	check "$FAULT, each time: no-fix, by its name" ends 3 no-fix "${fault#*:}"
	same "$FAULT: every call has its line" true "$(lines '(() => { const of = (w) => l.filter((x) => x.what === w).map((x) => x.call).join();
		return of("model.reserve") !== "" && of("model.reserve") === of("model"); })()')"
	same "$FAULT: and is named in it" "${fault#*:}" "$(lines '[...new Set(l.filter((x) => x.what === "model").map((x) => x.kind))].join()')"
	same "$FAULT: nothing is left of it" "" "$(find "$state/tmp" -mindepth 1 2>/dev/null)"
done
FAULT=mixed
rm -f "$work/faults.log"
serve faults
host "$url" "$line"
check "a model behind a line that fails every second time heals all the same" ends 0 proposed "awaits a person"
same "six requests in five calls: the broker asks again where nothing can have been billed, else the agent, once" "6 5" \
	"$(grep -c '"method"' "$work/faults.log") $(lines 'l.filter((x) => x.what === "model").length')"
done_testing
