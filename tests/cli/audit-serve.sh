#!/bin/sh
# The resident log: one process that every command's effects go through.  Needs root.
. "$(dirname "$0")/../sh/lib.sh"
sickbay=${SICKBAY:-build/sickbay}
append=${sickbay%/*}/test-audit-log # what an orchestrator writes
dir=$(mktemp -d)
state=$dir/state
door=$state/audit.socket
server=
stop() { [ -z "$server" ] || { kill "$1" "$server" 2>/dev/null; wait "$server" 2>/dev/null; }; server=; }
trap 'stop -KILL; rm -rf "$dir"' EXIT

verify() { "$sickbay" audit verify --state "$state"; }
prints() { text=$1; shift; "$@" 2>&1 | grep -qF -e "$text"; }
serve() { # not under check: that is a shell of its own, which may not wait for it
	"$sickbay" audit serve --state "$state" >"$dir/server" 2>&1 &
	server=$!
	for _ in $(seq 100); do [ ! -S "$door" ] || return 0; sleep 0.1; done
	return 1
}
gone() { for _ in $(seq 50); do [ -e "/proc/$1" ] || return 0; sleep 0.1; done; return 1; }
log_program() { cut -d' ' -f1 "/proc/$server/task/$server/children"; }
eight_at_once() {
	pids=
	for i in 1 2 3 4 5 6 7 8; do "$append" "$state" "c-$i" 20 & pids="$pids $!"; done
	for p in $pids; do wait "$p" || return 1; done
}
signs_by_itself() { for _ in $(seq 50); do prints "$1" verify && return 0; sleep 0.2; done; return 1; }

serve
check "the log can be held open for every command" [ -S "$door" ]
check "only its owner may connect" [ "$(stat -c '%a %u' "$door")" = "600 0" ]
pid=$(log_program)
check "the process that holds it runs as the log's own user" [ "$(awk '/^Uid/ { print $2 }' "/proc/$pid/status")" = 60802 ]
check "eight commands append at one time" eight_at_once
check "a quiet log is signed without being asked" signs_by_itself "ok: 169 records, 169 of them signed"
refuses "there is one of them" 1 "the log in '$state' is served already" "$sickbay" audit serve --state "$state"
kill -TERM "$server"; wait "$server"; status=$?; server=
check "it ends when it is told to" [ "$status" -eq 0 ]
check "it takes its socket with it" [ ! -e "$door" ]
check "and its process" gone "$pid"
check "without it a command appends by itself" "$append" "$state" alone 1
check "everything is signed" prints "ok: 171 records, 171 of them signed" verify

serve
pid=$(log_program)
check "one more is appended" "$append" "$state" before 1
stop -KILL
check "when it is killed its process goes as well" gone "$pid"
check "the socket that it leaves is nobody's" [ -S "$door" ]
check "the next command does not miss it" "$append" "$state" after 1
check "nothing was lost" prints "ok: 175 records, 175 of them signed" verify
serve
check "it can be started again and is used" "$append" "$state" again 1
kill -KILL "$(log_program)"
wait "$server"; status=$?; server=
check "without its process it ends" [ "$status" -eq 1 ]
check "and says why" grep -q "sickbay-audit ended with status 137" "$dir/server"
check "the log holds" prints "ok: " verify
done_testing
