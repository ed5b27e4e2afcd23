#!/bin/sh
# Alerts as Alertmanager posts them: one that has no report opens an incident of its kind, and its end closes it; reports of
# the same service and time carry it, whichever came first.  tests/producers/alerts.sh has the real programs.  Needs root.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top" || exit 1
. "$top/tests/sh/lib.sh"
dir=$(mktemp -d "$top/build/intake-alerts.XXXXXX")
. "$top/tests/intake/lib.sh"
trap 'stop_intake; rm -rf "$dir"' EXIT
state=$dir/state
toy quiet
toy shop
toy late
new_token monitor
cat >"$dir/config.json" <<END
{ "version": 1, "services": "$dir/services", "storm": { "fingerprints": 50 },
  "intake": { "listen": ["127.0.0.1:0"], "sources": [{ "name": "monitor", "token_sha256": "$digest" }] } }
END
for name in quiet shop late; do "$sickbay" service check "$dir/services/$name.json" --state "$state" >/dev/null 2>&1; done
start_intake
now() { date -u -d "${1:-now}" +%Y-%m-%dT%H:%M:%SZ; }
post() { [ "$(curl -s -o /dev/null -w '%{http_code}' -X POST "http://127.0.0.1:$port$1" -H "Authorization: Bearer $token" -d "$2")" = 200 ] && digested; } # PATH BODY
alert() { # alert STATUS NAME SERVICE [STARTS [ENDS]]: as version 4 of the webhook has it
	post /alertmanager "$(printf '{"version":"4","status":"%s","receiver":"sickbay","alerts":[{"status":"%s","labels":{"alertname":"%s","service":"%s"},"annotations":{"summary":"too many"},"startsAt":"%s","endsAt":"%s","fingerprint":"f1"}]}' \
		"$1" "$1" "$2" "$3" "${4:-$(now)}" "${5:-0001-01-01T00:00:00Z}")"
}
of() { # of SERVICE EXPRESSION: over its rows of the list
	"$sickbay" incident list --state "$state" --json | node -e '
		const rows = JSON.parse(require("fs").readFileSync(0)).filter((r) => r.service === process.argv[1]);
		console.log(String(eval(process.argv[2])));' "$1" "$2"
}
is() { [ "$2" = "$1" ] || { echo "$2"; return 1; }; } # WANT GOT
drain() { "$sickbay" worker --config "$dir/config.json" --state "$state" --drain 2>"$dir/worker.err"; }
cases_of() { find "$state/cases" -mindepth 1 -maxdepth 1 -name "$1-*" 2>/dev/null | wc -l; }

for row in HighErrorRate:error-rate SlowRequests:latency UpstreamTimeout:timeout; do
	check "an alert opens an incident of ${row#*:}" alert firing "${row%:*}" quiet
done
check "one that goes on is no other" alert firing HighErrorRate quiet
ends=$(now)
check "one ends" alert resolved HighErrorRate quiet "" "$ends"
check "that makes three of them, without a stack" is "3 true" "$(of quiet 'rows.length + " " + rows.every((r) => r.type === null)')"
check "of one report each" is 1 "$(of quiet 'Math.max(...rows.map((r) => r.count))')"
check "two are queued" is 2 "$(of quiet 'rows.filter((r) => r.state === "queued").length')"
check "the incident of the third is closed, with the time" is "$ends" "$(of quiet 'rows.filter((r) => r.state === "ended").map((r) => r.resolved).join()')"
check "it fires again" alert firing HighErrorRate quiet
check "and is open again" is "queued queued queued" "$(of quiet 'rows.map((r) => r.state).join(" ")')"
check "two of them end before anyone looked" alert resolved HighErrorRate quiet
alert resolved SlowRequests quiet
check "the worker looks at what is open" drain
check "and at nothing else" is 1 "$(cases_of quiet)"
check "what fired twice is one of two reports" is 2 "$(of quiet 'Math.max(...rows.map((r) => r.reports))')"
check "its case ends at triage" grep -q '"outcome": "not-code"' "$state"/cases/quiet-*/7-outcome.json
check "with each alert of its time once" is 3 "$(node -e 'console.log(JSON.parse(require("fs").readFileSync(process.argv[1])).incident.metrics.length)' "$state"/cases/quiet-*/1-incident.json)"

check "an alert that began before its reports came" alert firing HighErrorRate shop
check "a report of its time" post /v1/incidents "$(incident shop price "$(now)")"
drain
carries() { grep -l '"metrics"' "$state"/cases/"$1"-*/1-incident.json | xargs -r grep -lF '"function": "'"$2"'"' | grep -q .; } # SERVICE FUNCTION
check "carries the alert" carries shop price
check "an alert about reports that were there before" alert firing UpstreamTimeout shop
check "opens no incident of its own" is "HighErrorRate only" "$(of shop 'rows.filter((r) => r.type === null).length === 1 ? "HighErrorRate only" : rows.length')"

check "an alert of this morning" alert firing HighErrorRate late "$(now '3 hours ago')"
check "that ended" alert resolved HighErrorRate late "$(now '3 hours ago')" "$(now '2 hours ago')"
check "is not what a report of now is about" post /v1/incidents "$(incident late price "$(now)")"
drain
check "which does not carry it" sh -c "! grep -q '\"metrics\"' '$state'/cases/late-*/1-incident.json"
check "the log has beginnings and ends" sh -c "[ \$('$sickbay' audit show --json --state '$state' | grep -c intake.resolved) = 4 ]"
check "and verifies" "$sickbay" audit verify --state "$state"
done_testing
