#!/bin/sh
# The intake as a producer and an operator meet it: who may send, what is refused and how, what becomes of reports of each
# kind, alerts, and what a restart does.  Needs root.  burst.sh has the load and the kills.
set -u
. "$(dirname "$0")/../sh/lib.sh"
dir=$(mktemp -d "${TMPDIR:-/tmp}/sickbay-intake.XXXXXX")
. "$(dirname "$0")/lib.sh"
trap 'stop_intake; rm -rf "$dir"' EXIT
state=$dir/state
post() { # post PATH [CURL OPTION ...]: the status, and the answer in $dir/answer
	path=$1; shift
	curl -s -o "$dir/answer" -D "$dir/head" -w '%{http_code}' -X POST "http://127.0.0.1:$port$path" "$@"
}
answers() { # answers STATUS TEXT PATH [CURL OPTION ...]
	want=$1 text=$2; shift 2
	got=$(post "$@")
	echo "$got $(cat "$dir/answer")"
	[ "$got" = "$want" ] && { [ -z "$text" ] || grep -qF -e "$text" "$dir/answer"; }
}
incidents() { "$sickbay" worker --config "$dir/config.json" --state "$state" --drain >/dev/null 2>&1; "$sickbay" incident list --state "$state" --json; }
lists() { incidents >"$dir/list"; cat "$dir/list"; grep -qF -e "$1" "$dir/list"; }

toy shop
toy till
sed -i 's|"in_app"|"paths": [{ "production": "/srv/", "repository": "" }], "in_app"|' "$dir"/services/*.json
new_token shop
shop=$token shop_digest=$digest
new_token any
cat >"$dir/config.json" <<END
{ "version": 1, "services": "$dir/services", "storm": { "fingerprints": 100 },
  "intake": { "listen": ["127.0.0.1:0", "$dir/socket"], "max_report": "64KiB",
    "sources": [{ "name": "shop", "token_sha256": "$shop_digest", "service": "shop" },
                { "name": "any", "token_sha256": "$digest" },
                { "name": "slow", "token_sha256": "$(printf %s slow-token | sha256sum | cut -c1-64)", "service": "shop", "rate": 1, "burst": 2 }] } }
END
any=$token
echo '{ "version": 1, "intake": {} }' >"$dir/none.json"
refuses "without a place to listen it says how to name one" 1 'nothing says where to listen: "intake": {"listen"' \
	"$sickbay" intake serve --config "$dir/none.json" --state "$state"
refuses "without a source it says how to make one" 1 "make a token with 'sickbay intake token'" \
	"$sickbay" intake serve --config "$dir/none.json" --state "$state" --listen 127.0.0.1:0
refuses "a place that is none is named" 1 "'localhost:80' is neither ADDRESS:PORT nor a path" \
	"$sickbay" intake serve --config "$dir/config.json" --state "$state" --listen localhost:80
mkdir -p "$state/intake"
exec 7<"$state/intake"
flock -s 7
(sleep 1; flock -u 7) &
exec 7<&-
start_intake
check "it starts, also while somebody asks how it stands" [ -n "$port" ]
refuses "a second one beside it is refused" 1 "another intake serves" "$sickbay" intake serve --config "$dir/config.json" --state "$state"

refuses "a socket that another one serves is not taken from it" 1 "'$dir/socket': another program serves it" \
	"$sickbay" intake serve --config "$dir/config.json" --state "$dir/other" --listen "$dir/socket"
check "and is still there" curl -sf --unix-socket "$dir/socket" http://h/healthz

# who it is
child=
for p in $(cat "/proc/$intake/task/$intake/children"); do [ "$(cat "/proc/$p/comm")" != sickbay-intake ] || child=$p; done
check "sickbay-intake has a user of its own" grep -q '^Uid:	60805	60805	60805	60805$' "/proc/$child/status"
unless_asan check "and a filter" grep -q '^Seccomp:	2$' "/proc/$child/status"
check "and no capability" grep -q '^CapEff:	0000000000000000$' "/proc/$child/status"
check "and no file system" [ "$(ls -A "/proc/$child/root")" = "" ]

# who may send, and what
event='{"event_id":"a","platform":"node","release":"r1","exception":{"values":[{"type":"TypeError","value":"m","stacktrace":{"frames":[{"filename":"/srv/a.js","function":"FUNCTION","lineno":1}]}}]}}'
say() { printf '%s' "$event" | sed "s/FUNCTION/$1/"; }
check "a report without a token is refused" answers 401 "it shows no token of a source" /api/1/store/ -d "$(say f)"
check "a wrong one, too" answers 401 "it shows no token of a source" /api/1/store/ -H 'Authorization: Bearer wrong' -d "$(say f)"
check "and the digest of a right one" answers 401 "it shows no token" /api/1/store/ -H "Authorization: Bearer $digest" -d "$(say f)"
check "a path that takes none is named" answers 404 "no reports are taken at this path" /api/x/store/ -d "$(say f)"
check "reading is not sending" sh -c "curl -s 'http://127.0.0.1:$port/v1/traces' | grep -qF 'reports are sent with POST'"
check "one that is too large is refused" answers 413 "larger than is allowed" /api/1/store/ -H "Authorization: Bearer $shop" -d "$(head -c 70000 /dev/zero | tr '\0' x)"
check "so is one that does not say how large it is" answers 413 "larger than is allowed" /api/1/store/ -H "Authorization: Bearer $shop" \
	-H 'Transfer-Encoding: chunked' -d "$(head -c 70000 /dev/zero | tr '\0' x)"
check "an encoding that is not read is refused" answers 415 "none of identity, gzip and zstd" /v1/logs -H "Authorization: Bearer $shop" -H 'Content-Encoding: br' -d x
check "an empty one is refused" answers 400 "it has no body" /v1/logs -H "Authorization: Bearer $shop" -d ''
check "a source has its burst" answers 200 "{}" /api/1/store/ -H 'Authorization: Bearer slow-token' -d "$(say slow)"
post /api/1/store/ -H 'Authorization: Bearer slow-token' -d "$(say slow)" >/dev/null
check "and is then told to wait" answers 429 "more than it is allowed to" /api/1/store/ -H 'Authorization: Bearer slow-token' -d "$(say slow)"
check "and how long" grep -qi '^retry-after: 1' "$dir/head"
check "the health of it needs no token" sh -c "curl -sf 'http://127.0.0.1:$port/healthz'"

# Sentry
printf '{"event_id":"a"}\n{"type":"session"}\n{}\n{"type":"event"}\n%s\n' "$(say envelope)" >"$dir/envelope"
check "an envelope is taken, the key in the query" answers 200 "{}" "/api/42/envelope/?sentry_version=7&sentry_key=$shop" --data-binary @"$dir/envelope"
say gzipped | gzip -c >"$dir/event.gz"
check "a packed event, the key in the SDK's header" answers 200 "{}" /api/42/store/ -H "X-Sentry-Auth: Sentry sentry_version=7, sentry_key=$shop" \
	-H 'Content-Encoding: gzip' --data-binary @"$dir/event.gz"
check "by a unix socket, too" sh -c "curl -sf --unix-socket '$dir/socket' -X POST 'http://h/api/1/store/' -H 'Authorization: Bearer $shop' -d '$(say unix)'"
check "all of it reaches the spool" digested
for f in slow envelope gzipped unix; do check "the report of $f is an incident" lists "\"function\": \"$f\""; done

# OpenTelemetry
trace() { # trace SERVICE FUNCTION
	printf '{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"%s"}},{"key":"telemetry.sdk.language","value":{"stringValue":"nodejs"}}]},"scopeSpans":[{"spans":[{"name":"x","events":[{"name":"exception","timeUnixNano":"1763792803000000000","attributes":[{"key":"exception.type","value":{"stringValue":"TypeError"}},{"key":"exception.stacktrace","value":{"stringValue":"TypeError: no\\n    at %s (/srv/a.js:1:3)"}}]}]}]}]}]}' "$1" "$2"
}
check "a trace is taken from whoever may send any" answers 200 "{}" /v1/traces -H "Authorization: Bearer $any" -H 'Content-Type: application/json' -d "$(trace till otel)"
check "one of a service that this host does not heal" answers 200 "{}" /v1/traces -H "Authorization: Bearer $any" -d "$(trace nobody otel2)"
check "an export of nothing is answered in protobuf" answers 200 "" /v1/traces -H "Authorization: Bearer $any" -H 'Content-Type: application/x-protobuf' --data-binary 'x'
check "as protobuf" grep -qi '^content-type: application/x-protobuf' "$dir/head"
check "it reaches the spool" digested
check "the trace is an incident of the service that it names" lists '"function": "otel"'
check "that one has the service" lists '"service": "till"'
check "the other is left out, and said" grep -q "reports of 'nobody' are left out" "$dir/intake.err"
check "what is no protobuf is left out, and said" grep -q "otlp-traces) is left out: report: byte 1: not an export request in protobuf" "$dir/intake.err"

# native, and text
incident till native >"$dir/native"
check "an incident as it is" answers 200 "{}" /v1/incidents -H "Authorization: Bearer $any" -d @"$dir/native"
printf 'starting\nTypeError: x\n    at text (/srv/a.js:1:3)\n' >"$dir/text"
check "lines of a log" answers 200 "{}" /v1/text -H "Authorization: Bearer $shop" --data-binary @"$dir/text"
check "a source is held to its service" answers 200 "{}" /v1/incidents -H "Authorization: Bearer $shop" -d @"$dir/native"
check "they reach the spool" digested
check "the incident is one" lists '"function": "native"'
check "the lines are one" lists '"function": "text"'
check "the one of another service is left out, and said" grep -q "it is of service 'till', its source is of 'shop'" "$dir/intake.err"

# lines on standard input
printf 'up\nTraceback (most recent call last):\n  File "/srv/a.py", line 3, in read_one\n    x()\nKeyError: 1\nup\nTraceback (most recent call last):\n  File "/srv/a.py", line 9, in read_two\n    y()\nValueError: 2\n' >"$dir/log"
sed -i 's|"in_app": \["\*.js"\]|"in_app": ["*.js", "*.py"]|' "$dir/services/shop.json"
reads() { "$sickbay" intake read --config "$dir/config.json" --state "$state" "$@"; }
check "the traces of a log are taken in" sh -c "'$sickbay' intake read --config '$dir/config.json' --state '$state' --from python --service shop <'$dir/log' | grep -qx '2 reports taken, 0 left out'"
check "the first is an incident" lists '"function": "read_one"'
check "the second is another" lists '"function": "read_two"'
refuses "a form that is not known is refused" 2 "intake read wants --from node|python|sanitizer" reads --from java --service shop
refuses "a log without a service, too" 2 "and --service NAME|FILE" reads --from python

# alerts
alert() { # alert STATUS NAME SERVICE
	printf '{"version":"4","status":"%s","alerts":[{"status":"%s","labels":{"alertname":"%s","service":"%s"},"annotations":{"summary":"too many"},"startsAt":"%s","endsAt":"0001-01-01T00:00:00Z","fingerprint":"f1"}]}' \
		"$1" "$1" "$2" "$3" "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
}
toy lone
"$sickbay" service check "$dir/services/lone.json" --state "$state" >/dev/null 2>&1
check "an alert of a quiet service" answers 200 "{}" /alertmanager -H "Authorization: Bearer $any" -d "$(alert firing HighErrorRate lone)"
check "and the same again" answers 200 "{}" /alertmanager -H "Authorization: Bearer $any" -d "$(alert firing HighErrorRate lone)"
digested
check "is one incident without a stack" lists '"incident": "lone-'
check "of one report" sh -c "grep -A9 '\"incident\": \"lone-' '$dir/list' | grep -qF '\"reports\": 1'"
kase=$(sed -n 's/.*"case": "\(lone-[^"]*\)".*/\1/p' "$dir/list")
check "which triage ends with its reason" grep -q '"triage"' "$state/cases/$kase/1-incident.json"
check "its end is noted" answers 200 "{}" /alertmanager -H "Authorization: Bearer $any" -d "$(alert resolved HighErrorRate lone)"
digested
check "with a time" grep -q '"ends"' "$state"/alerts/lone-*.json
fresh=$(say alerted | sed "s/\"platform\"/\"timestamp\":$(date +%s).5,\"platform\"/")
post /api/1/store/ -H "Authorization: Bearer $shop" -d "$fresh" >/dev/null
post /alertmanager -H "Authorization: Bearer $any" -d "$(alert firing HighLatency shop)" >/dev/null
digested
check "an alert that has a report at its time makes no incident of its own" sh -c "! '$sickbay' incident list --state '$state' --json | grep -q '\"type\": null.*shop'"
check "the log has all three" [ "$("$sickbay" audit show --json --state "$state" | grep -c 'intake\.alert')" = 3 ]

# a restart
post /api/1/store/ -H "Authorization: Bearer $shop" -d "$(say before)" >/dev/null
digested
"$sickbay" status --config "$dir/config.json" --state "$state" --json | tr -d '\n ' >"$dir/status"
check "status says that it serves, and that nothing waits" grep -qF '"intake":{"serves":true,"backlog_bytes":0}' "$dir/status"
check "and how many reports come of each service" grep -qF '{"service":"shop","last_minute":' "$dir/status"
stop_intake
check "nothing of it is left" empty running
check "its socket neither" [ ! -e "$dir/socket" ]
start_intake
check "it starts again" [ -n "$port" ]
check "and takes reports" answers 200 "{}" /api/1/store/ -H "Authorization: Bearer $shop" -d "$(say after)"
digested
check "each is there once" sh -c "'$sickbay' worker --config '$dir/config.json' --state '$state' --drain >/dev/null 2>&1; '$sickbay' incident list --state '$state' --json >'$dir/list'; grep -A8 '\"function\": \"before\"' '$dir/list' | grep -qF '\"count\": 1'"
check "the log verifies" "$sickbay" audit verify --state "$state"

# as a service manager ends it: the whole group is told
stop_intake
setsid "$sickbay" intake serve --config "$dir/config.json" --state "$state" >"$dir/intake.out" 2>"$dir/group.err" &
intake=$!
for _ in $(seq 100); do grep -q ^listening "$dir/intake.out" && break; sleep 0.1; done
env kill -TERM -- "-$intake"
wait "$intake"; got=$?; intake=
check "told with all that it started it ends with 0" [ "$got" = 0 ]
check "and without a word" [ ! -s "$dir/group.err" ]

# a spike as it is seen: the file is what an intake leaves of a minute in which it runs
stop_intake
minute=$(($(date +%s) / 60))
printf '{"schema":"sickbay.rate/1","minute":%d,"now":3,"base":[%s 2],"sum":40.0,"spike":true,"last":312,"since":%d}' \
	"$minute" "$(seq 30 | sed 's/.*/2,/' | tr '\n' ' ')" "$((minute - 5))" >"$state/services/shop/rate.json"
"$sickbay" status --config "$dir/config.json" --state "$state" >"$dir/status"
check "a spike is in the status, with what is usual" grep -q '^spike     shop: [0-9]* reports in the last minute, usually 2.0, since 20' "$dir/status"
check "that no intake serves, too" grep -q '^intake    none, [0-9]* bytes wait$' "$dir/status"
"$sickbay" status --config "$dir/config.json" --state "$state" --prometheus "$dir/prom"
check "and in the figures" grep -qx 'sickbay_service_spike{service="shop"} 1' "$dir/prom"
done_testing
