#!/bin/sh
# A report that cannot be taken in holds up none that comes after it: as large as is allowed, more than the decoder's answer may
# have, an alert with a time that is none.  Needs root.
set -u
. "$(dirname "$0")/../sh/lib.sh"
dir=$(mktemp -d "${TMPDIR:-/tmp}/sickbay-stuck.XXXXXX")
. "$(dirname "$0")/lib.sh"
trap 'stop_intake; rm -rf "$dir"' EXIT
state=$dir/state
toy shop
sed -i 's|"in_app"|"paths": [{ "production": "/srv/", "repository": "" }], "in_app"|' "$dir"/services/*.json
new_token shop
cat >"$dir/config.json" <<END
{ "version": 1, "services": "$dir/services", "intake": { "listen": ["127.0.0.1:0"],
    "sources": [{ "name": "shop", "token_sha256": "$digest", "service": "shop" }] } }
END
sends() { # sends PATH FILE: it is kept
	[ "$(curl -s -o /dev/null -w '%{http_code}' -X POST "http://127.0.0.1:$port$1" -H "Authorization: Bearer $token" --data-binary @"$2")" = 200 ]
}
event() { # event FUNCTION: without its end
	printf '{"platform":"node","exception":{"values":[{"type":"E","value":"m","stacktrace":{"frames":[{"filename":"/srv/a.js","function":"%s","lineno":1}]}}]}' "$1"
}
follows() { # follows FUNCTION: a report after it reaches the spool
	{ event "$1"; echo '}'; } >"$dir/next"
	sends /api/1/store/ "$dir/next" && digested && grep -rqF "\"function\": \"$1\"" "$state/spool/new"
}
start_intake
check "it starts" [ -n "$port" ]

printf '{"version":"4","alerts":[{"status":"firing","labels":{"alertname":"HighLatency"},"startsAt":"soon","fingerprint":"f"}]}' >"$dir/body"
check "an alert whose time is none is kept" sends /alertmanager "$dir/body"
check "a report after it is taken in" follows after_alert
check "that it is left out is said" grep -q "an alert of 'shop' is left out: /first_seen" "$dir/intake.err"

{ event largest; printf ',"extra":"'; } >"$dir/body"
head -c $((4194304 - $(wc -c <"$dir/body") - 2)) /dev/zero | tr '\0' x >>"$dir/body"
printf '"}' >>"$dir/body"
check "a report as large as is allowed is kept" sends /api/1/store/ "$dir/body"
check "one after it is taken in" follows after_largest
check "and so is it" grep -rqF '"function": "largest"' "$state/spool/new"

{ event before_many; echo '}'; } >"$dir/next"
sends /api/1/store/ "$dir/next"
{ event many; printf ',"breadcrumbs":[['; head -c 2200000 /dev/zero | sed 's/\x00\x00/0,/g'; printf '0]]}'; } >"$dir/body"
check "a report of a million values is kept" sends /api/1/store/ "$dir/body"
check "one after it is taken in" follows after_many
check "and the one before it" grep -rqF '"function": "before_many"' "$state/spool/new"
check "that it is left out is said" grep -q "is left out from byte .*: malformed message: too many values" "$dir/intake.err"
check "and stands in the log" sh -c "'$sickbay' audit show --json --state '$state' | grep -q 'intake\.lost'"
check "the same intake still serves" kill -0 "$intake"
done_testing
