#!/bin/sh
# Clients that take their time, and clients that are many: they are ended, and honest ones are served beside them.  Needs root.
set -u
. "$(dirname "$0")/../sh/lib.sh"
dir=$(mktemp -d "${TMPDIR:-/tmp}/sickbay-slow.XXXXXX")
. "$(dirname "$0")/lib.sh"
slow=$(dirname "$0")/slow.py
if [ "${1:-}" != inside ]; then
	rm -rf "$dir"
	exec unshare -n sh "$0" inside # an address that is not loopback's
fi
trap 'stop_intake; rm -rf "$dir"' EXIT
state=$dir/state
ip link set lo up
ip address add 10.9.8.7/32 dev lo
toy shop
new_token shop
cat >"$dir/config.json" <<END
{ "version": 1, "services": "$dir/services", "intake": { "listen": ["127.0.0.1:0", "10.9.8.7:0"],
    "connections": 40, "per_address": 8, "timeout": "4s", "request_timeout": "4s",
    "sources": [{ "name": "shop", "token_sha256": "$digest", "service": "shop" }] } }
END
start_intake
outside=$(sed -n 's/^listening 10.9.8.7:\([0-9]*\)$/\1/p' "$dir/intake.out")
check "it starts" [ -n "$outside" ]
said() { cat "$dir/said"; grep -q "$1" "$dir/said"; }

/usr/bin/python3 "$slow" 127.0.0.1 "$port" "$token" 30 3 >"$dir/said"
check "what drips in is ended, heads and bodies" said '"ended": 30, "left": 0'
check "meanwhile an honest client is served" said '"refused": 0'

# as many as there may be: whoever waits longest makes room
/usr/bin/python3 "$slow" 127.0.0.1 "$port" "$token" 40 3 >"$dir/said"
check "with no place left they are ended, too" said '"ended": 40, "left": 0'
check "and honest clients come through" sh -c "sed 's/.*served\": \([0-9]*\).*/\1/' '$dir/said' | grep -qv '^0$'"

# one address
/usr/bin/python3 "$slow" 10.9.8.7 "$outside" "$token" 60 3 >"$dir/said" &
many=$!
sleep 2
check "while one address has all that it may, others are served" \
	curl -sf -m 20 -X POST "http://127.0.0.1:$port/v1/text" -H "Authorization: Bearer $token" -d x
wait "$many"
check "it has no more than it may" said '"ended": 60, "left": 0'
stop_intake
check "what was slow, and what was too much, is in the log" sh -c "'$sickbay' audit show --json --state '$state' | grep intake.counts | tail -n 1 | tr -d ' ' | grep -v '\"slow\":0' | grep -qv '\"crowded\":0'"
done_testing
