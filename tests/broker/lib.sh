# What the broker's tests share: source this after ../sh/lib.sh.  Servers that misbehave by the
# name of the model (server.js), and one call or many by broker-drive.
programs=$(dirname "${SICKBAY:-build/sickbay}")
dir=$(mktemp -d)
# shellcheck disable=SC2034 # by those who source this
here=$(dirname "$0")
servers=
secret=sk-test-9f0c1b7d4e25a8
# shellcheck disable=SC2317 # called by the trap
clean() {
	# shellcheck disable=SC2086
	[ -z "$servers" ] || { kill $servers; wait $servers; } 2>/dev/null
	rm -rf "$dir"
}
trap clean EXIT
(umask 077; echo "$secret" >"$dir/key")

# serve NAME FILE [ARG ...]: starts `node FILE ARG ...`, which says "listening PORT"; sets `port`.
serve() {
	name=$1; shift
	node "$@" >"$dir/$name.port" &
	servers="$servers $!"
	for _ in $(seq 100); do grep -qs listening "$dir/$name.port" && break; sleep 0.1; done
	port=$(sed -n 's/^listening //p' "$dir/$name.port")
	[ -n "$port" ]
}
# ask MODEL [ENDPOINT [REST]]: further members of both, as JSON with a comma before it; says what the
# orchestrator is told.  The variables are the other members.
endpoint=anthropic-messages retries=3 stall=20000 total=30000 within=0 protocol=anthropic-messages stream=true url=
message='{"model": "whatever", "max_tokens": 10, "messages": [{"role": "user", "content": "hi"}]}'
ask() {
	cat >"$dir/ask.json" <<END
{"setup": {"endpoints": [{"name": "here", "protocol": "$endpoint", "url": "${url:-http://127.0.0.1:$port}",
   "credential": "$dir/key", "retries": $retries, "stall_ms": $stall, "total_ms": $total ${2:-}}]},
 "calls": [{"id": 1, "endpoint": "here", "model": "$1", "protocol": "$protocol", "stream": $stream, "max_output": 100,
   "total_ms": $within,   "body": $message}] ${3:-}}
END
	timeout 60 "$programs/broker-drive" "$dir/ask.json" >"$dir/out" 2>&1
	status=$?
	cat "$dir/out"
	return $status
}
# ends KIND TEXT ASK...: what the call ended with, and a text of its line; or of standard error.
ends() {
	kind=$1 text=$2; shift 2
	"$@" >/dev/null
	grep -F "\"kind\":\"$kind\"" "$dir/out" | grep -qF -e "$text" || { cut -c1-500 "$dir/out"; return 1; }
}
# events N: that many were passed on by the last call.
events() { [ "$(grep -c '^{"event"' "$dir/out")" -eq "$1" ] || { grep -c '^{"event"' "$dir/out"; return 1; }; }
last_has() { grep '"end"' "$dir/out" | grep -qF -e "$1" || { cut -c1-500 "$dir/out"; return 1; }; }
# asked MODEL N: so many requests came for it.
asked() { [ "$(grep -c "^$1 " "$dir/log")" -eq "$2" ] || { cat "$dir/log"; return 1; }; }
no_key_in() { ! grep -rlF -e "$secret" "$@"; }
