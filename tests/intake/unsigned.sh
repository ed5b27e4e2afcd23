#!/bin/sh
# Who cannot sign a webhook can send the body of one before that is seen: reports come in beside it.  Needs root.
set -u
. "$(dirname "$0")/../sh/lib.sh"
dir=$(mktemp -d "${TMPDIR:-/tmp}/sickbay-unsigned.XXXXXX")
. "$(dirname "$0")/lib.sh"
trap 'stop_intake; rm -rf "$dir"' EXIT
state=$dir/state
toy shop
new_token shop
(umask 077; echo "a secret of some length" >"$dir/secret")
cat >"$dir/config.json" <<END
{ "version": 1, "services": "$dir/services", "intake": { "listen": ["127.0.0.1:0"], "max_memory": "1MiB", "max_report": "256KiB",
    "sources": [{ "name": "shop", "token_sha256": "$digest", "service": "shop" }] },
  "forges": [{ "name": "hub", "kind": "github", "api": "http://127.0.0.1:1", "webhook_secret": "$dir/secret" }] }
END
start_intake
check "it starts" [ -n "$port" ]
mkfifo "$dir/hold"
/usr/bin/python3 "$(dirname "$0")/unsigned.py" "$port" 40 60000 <"$dir/hold" >"$dir/said" &
holder=$!
exec 8>"$dir/hold"
for _ in $(seq 100); do
	[ -s "$dir/said" ] && break
	sleep 0.1
done
check "bodies of webhooks that nobody signed are under way" grep -q held "$dir/said"
head -c 100000 /dev/zero | tr '\0' x >"$dir/report"
check "a report with a token is taken beside them" \
	curl -sf -m 20 -X POST "http://127.0.0.1:$port/v1/text" -H "Authorization: Bearer $token" --data-binary "@$dir/report"
exec 8>&-
wait "$holder"
check "one webhook is read to its end" [ "$(curl -s -m 20 -o /dev/null -w '%{http_code}' -X POST "http://127.0.0.1:$port/forge/hub" \
	-H 'Content-Type: application/json' -H 'X-Hub-Signature-256: sha256=00' --data-binary "@$dir/report")" = 401 ]
stop_intake

# nothing is taken, so that nothing else is told
rm -rf "$state"
start_intake
curl -s -o /dev/null -X POST "http://127.0.0.1:$port/v1/text" -H "Authorization: Bearer none" -d x
sleep 3
stop_intake
check "who is refused is counted where nobody else comes" sh -c '"$1" audit show --json --state "$2" | grep intake.counts | grep "\"refused_token\":1,"' \
	sh "$sickbay" "$state"
done_testing
