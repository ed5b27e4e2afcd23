#!/bin/sh
# What a program inside can do to be in the way: each ends with its own kind of record, and nothing is
# left.  Timings are bounds that a working host keeps by far; none is measured.  Needs root.
# shellcheck disable=SC2317 # functions called by check
set -u
# shellcheck source=tests/sh/lib.sh
. "$(dirname "$0")/../sh/lib.sh"
sickbay=$(realpath "${SICKBAY:-build/sickbay}")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

policy() { # policy RESOURCES: a policy with these limits
	printf '{"version": 1, "name": "ends", "extends": ["preset:verify"], "resources": {%s}}\n' "$1" >"$dir/policy.json"
}
run() { # run SCRIPT: output and record; the status is the program's
	"$sickbay" run --json --image host --state "$dir/state" --policy "$dir/policy.json" -- /bin/sh -c "$1" </dev/null
}
kind() { # kind KIND SCRIPT: the record says so
	want=$1
	got=$(run "$2" 2>&1 >/dev/null | tail -n 1)
	case $got in *"\"kind\":\"$want\""*) return 0 ;; esac
	echo "wanted $want: $got"
	return 1
}
alive() { # alive WORD: a process with this argument
	for p in /proc/[0-9]*; do
		[ "${p#/proc/}" = $$ ] || ! tr '\0' ' ' <"$p/cmdline" 2>/dev/null | grep -qF -- "$1" || return 0
	done
	return 1
}
gone() { # gone WORD: within a moment
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		alive "$1" || return 0
		sleep 0.3
	done
	echo "still there: $1"
	return 1
}

policy '"pids": 64, "wall": "20s"'
check "a fork bomb ends at the limit of processes" kind pids-limit \
	'exec /usr/bin/python3 -c "import os
while True: os.fork()"'
policy '"memory": "64MiB", "wall": "20s"'
check "memory beyond the limit ends it" kind out-of-memory \
	'exec /usr/bin/python3 -c "x = bytearray(512 * 1024 * 1024)"'
check "files in memory count as memory, and are bounded" kind out-of-memory \
	'exec /usr/bin/python3 -c "x = open(\"/dev/shm/x\", \"wb\")
while True: x.write(bytes(1 << 20))"'
policy '"output": "1MiB", "wall": "20s"'
check "a flood of output ends it" kind output-limit 'exec yes'
policy '"wall": "1s"'
check "the wall clock ends it" kind timeout 'sleep 86401'
check "also what ignores every signal" kind timeout "trap '' HUP INT TERM; while :; do sleep 86402; done"
policy '"idle": "1s", "wall": "20s"'
check "silence ends it" kind idle 'sleep 86403'
policy '"wall": "20s"'
check "an ordinary end is one" kind exited 'exit 3'
check "a signal is told" kind signalled 'kill -SEGV $$'
check "processes left behind do not hold up the end" kind exited '(setsid sleep 86404 &) ; sleep 86405 & exit 0'
check "and are gone with it" gone 'sleep 8640'

done_testing
