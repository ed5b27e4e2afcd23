# shellcheck shell=sh disable=SC2154,SC2034 # dir and state are those of who sources it
# Sourced by the tests of the intake: one that serves the toy services of tests/queue/lib.sh.
. "$(dirname "$0")/../queue/lib.sh"
intake=
new_token() { # new_token NAME: its token in $token, its digest in $digest
	"$sickbay" intake token "$1" --json >"$dir/token.json"
	token=$(sed 's/.*"token":"\([^"]*\)".*/\1/' "$dir/token.json")
	digest=$(sed 's/.*"token_sha256":"\([^"]*\)".*/\1/' "$dir/token.json")
}
start_intake() { # start_intake [OPTION ...]: its port is $port
	: >"$dir/intake.out"
	"$sickbay" intake serve --config "$dir/config.json" --state "$state" "$@" >"$dir/intake.out" 2>>"$dir/intake.err" &
	intake=$!
	for _ in $(seq 100); do
		port=$(sed -n 's/^listening 127.0.0.1:\([0-9]*\)$/\1/p' "$dir/intake.out")
		[ -z "$port" ] || return 0
		kill -0 "$intake" 2>/dev/null || break
		sleep 0.1
	done
	cat "$dir/intake.err"
	return 1
}
stop_intake() { [ -z "$intake" ] || { kill "$intake" 2>/dev/null; wait "$intake" 2>/dev/null; intake=; }; }
digested() { # waits until the journal is taken in as a whole
	for _ in $(seq ${TRIES:-300}); do
				last=$(sed -n 's/.*"segment": \([0-9]*\).*/\1/p' "$state/intake/done.json" 2>/dev/null)
		at=$(sed -n 's/.*"bytes": \([0-9]*\).*/\1/p' "$state/intake/done.json" 2>/dev/null)
		rest=0
		for seg in "$state"/intake/*.seg; do
			k=$(basename "$seg" .seg | sed 's/^0*//')
			[ "$k" -le "${last:-0}" ] || rest=$((rest + $(stat -c %s "$seg" 2>/dev/null || echo 0)))
			[ "$k" != "${last:-0}" ] || [ "$(stat -c %s "$seg" 2>/dev/null || echo 0)" = "$at" ] || rest=1
		done
		[ "$rest" = 0 ] && [ -n "$at" ] && return 0
		sleep 0.1
	done
	return 1
}
counted() { # what the spool's files count, together
	find "$state/spool/new" -name '*.json' -exec grep -h '^  "count"' {} + | awk '{ gsub(",", ""); s += $2 } END { print s + 0 }'
}
