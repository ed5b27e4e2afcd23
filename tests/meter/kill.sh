#!/bin/sh
# kill -9 of the side that pays, and of sickbay-broker, between any two of: reserved, logged, sent, heard, kept,
# settled.  Whoever goes on loses no settled call, pays for none twice and asks none again.
#   SEED=N      which points, as printed by an earlier run       KILLS=all   every point; else eight of each
# shellcheck disable=SC2016,SC2086 # programs of other shells; lists of points
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
. "$top/tests/sh/lib.sh"
sickbay=${SICKBAY:-$top/build/sickbay}
drive=$(dirname "$sickbay")/meter-drive
[ "$(id -u)" = 0 ] || { echo "1..0 # skip needs root"; exit 0; }
command -v node >/dev/null || { echo "1..0 # skip needs node"; exit 0; }
questions=4
work=$(mktemp -d /tmp/sickbay-meter.XXXXXX)
chmod 755 "$work"
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT PIPE TERM

seed=${SEED:-$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')}
echo "# SEED=$seed"
rnd() { # rnd N: r is one of 0 .. N-1
	seed=$(((seed * 1103515245 + 12345) % 2147483648))
	r=$((seed / 65536 % $1))
}

printf 'key-of-nobody' >"$work/key"
chmod 600 "$work/key"
node "$top/tests/models/server.js" --scenario "$here/scenario.js" --log "$work/server.log" --key 'key-of-nobody' >"$work/port" &
server=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do grep -q listening "$work/port" && break; sleep 0.2; done
port=$(sed -n 's/^listening //p' "$work/port")

begin() { # begin NAME: a state directory of its own
	state=$work/$1
	mkdir "$state"
	chmod 755 "$state"
	cat >"$state.json" <<-J
		{ "version": 1, "state": "$state", "models": [ { "name": "main", "protocol": "openai-chat", "url": "http://127.0.0.1:$port",
		  "credential": "$work/key", "retries": 0,
		  "models": [ { "name": "scripted-1", "input": "3.00", "output": "15.00" } ] } ] }
	J
	: >"$work/server.log"
}
go() { timeout 60 "$drive" "$state" "$state.json" "$questions" >"$state.out" 2>"$state.err"; }
right() { cat "$state.err"; node "$here/account.js" "$state/cases/x-1/ledger.ndjson" "$work/server.log" "$state.out" "$questions"; }
asked() { grep -c '"body"' "$work/server.log"; }

begin plain
check "nobody is killed" go
check "and the account is right" right
points=$(sed -n 's/^points //p' "$state.out")
[ -n "$points" ] || points=1 # it did not end: said above
check "every question was asked once" test "$(asked)" = "$questions"
check "there are points to be killed at" test "$points" -ge 40
check "another run asks nothing and pays nothing" go
check "and its account is the same" right
check "nothing more was asked" test "$(asked)" = "$questions"

# 4 questions, of 100 + n tokens at 3.00 and 10 + n at 15.00 for a million: 0.001908
figures() { "$sickbay" status --state "$state" --config "$state.json" --prometheus "$work/figures" && cat "$work/figures"; }
has() { figures | grep -qxF "$1" || { figures; return 1; }; }
check "the worker's figures have what was paid, exactly" has "sickbay_model_usd 0.001908"
check "and how often" has "sickbay_model_calls 4"
check "and for how much" has "sickbay_model_tokens 452"
check "stats have it to the cent, rounded up" sh -c 'stats=$("$1" stats --state "$2") && echo "$stats" && echo "$stats" | grep -q "^spent *US\$0.01, 452 tokens"' - "$sickbay" "$state"
check "and exactly" sh -c '"$1" stats --state "$2" --json | grep -qF "\"usd\": \"0.001908\""' - "$sickbay" "$state"

# try WHO POINT: kill there, then go on until it is done; a kill of the broker alone needs no second run
try() {
	begin "$1-$2"
	METER_KILL=$1:$2 go
	status=$?
	if [ "$1" = orchestrator ]; then
		[ "$status" = 137 ] || { echo "killed at $2, it ended with $status"; return 1; }
		go || return 1
	elif [ "$status" != 0 ]; then
		cat "$state.err"
		return 1
	fi
	right && rm -rf "$state"
}
for who in orchestrator broker; do
	list=$(seq 1 "$points")
	if [ "${KILLS:-}" != all ]; then
		list=
		for _ in 1 2 3 4 5 6 7 8; do rnd "$points"; list="$list $((r + 1))"; done
		list=$(printf '%s\n' $list | sort -nu)
	fi
	for at in $list; do check "$who killed at point $at of $points" try "$who" "$at"; done
done
done_testing
