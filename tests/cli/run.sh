#!/bin/sh
# `sickbay run`, as an operator meets it.  Needs root.
. "$(dirname "$0")/../sh/lib.sh"
sickbay=${SICKBAY:-build/sickbay}
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
state=$dir/state field=

run() { "$sickbay" run --image host --state "$state" "$@"; }
status() { want=$1; shift; "$@" >/dev/null 2>&1; [ $? -eq "$want" ]; } # STATUS COMMAND...
prints() { want=$1; shift; got=$("$@" 2>/dev/null); [ "$got" = "$want" ] || { echo "$got"; return 1; }; } # TEXT COMMAND...
record() { run --json "$@" 2>&1 >/dev/null | tail -n 1; } # the last line of standard error
has() { case "$(record "$@")" in *"$field"*) ;; *) record "$@"; return 1 ;; esac; } # field=TEXT
from_pipe() { [ "$(echo piped | run -- cat)" = piped ]; }
from_file() { echo filed >"$dir/in"; [ "$(run -- cat <"$dir/in")" = filed ]; }
both_streams() { [ "$(run -- sh -c 'echo out; echo err >&2' 2>"$dir/err")" = out ] && [ "$(cat "$dir/err")" = err ]; }
interrupted() { # its program goes with it, and the status says how
	"$sickbay" run --image host --state "$state" -- sh -c 'echo up; sleep 1000' >"$dir/up" 2>/dev/null & pid=$!
	while [ ! -s "$dir/up" ]; do kill -0 $pid || return 1; sleep 0.05; done
	kill -TERM $pid; wait $pid; [ $? -eq 143 ]
}
write_policy() { printf '%s' "$1" >"$dir/policy.json"; }

check "the program's status is ours" status 7 run -- sh -c 'exit 7'
check "a signal is 128 and its number" status 139 run -- sh -c 'kill -SEGV $$'
check "success is 0" status 0 run -- true
check "both streams are passed on apart" both_streams
check "a pipe is its input" from_pipe
check "a file is its input" from_file
check "options of the program are its own" prints "--json -x" run -- echo --json -x
check "nothing of our environment goes in" prints "" env SECRET=1 "$sickbay" run --image host --state "$state" -- sh -c 'echo $SECRET'
check "it cannot see the host's processes" prints "0" run -- sh -c "ls /proc | grep -c '^$$\$'"
check "there is a loopback" prints up run -- sh -c 'grep -q 0x9 /sys/class/net/lo/flags && echo up'
check "and none where none is wanted" prints down run --net-none -- sh -c 'grep -q 0x8 /sys/class/net/lo/flags && echo down'
started() { "$sickbay" audit show --json --state "$state" | grep -qF '"type":"replica.start"'; }
check "the log has what was started" started
check "an interrupt ends the replica" interrupted
check "it can write" status 0 run -- touch /tmp/a
check "what it wrote is gone with it" status 1 run -- test -e /tmp/a

field='"kind":"exited","code":3,"status":3' check "the record says how it ended" has -- sh -c 'exit 3'
field='"timings_us":{"id range":' check "and how long each step took" has --timings -- true
field='"kind":"output-limit"' check "output is bounded" has -- sh -c 'yes >&2'

refuses "a missing program is named, and is 125" 125 \
	"sickbay: payload: execute the program 'no-such': No such file or directory" run -- no-such
refuses "an unknown image is named" 125 "no-such-image" "$sickbay" run --image no-such-image --state "$state" -- true
refuses "an image must be given" 2 "run: --image NAME is missing" "$sickbay" run --state "$state" -- true
refuses "a command must be given" 2 "run: a command is missing" run
refuses "a misspelled option is corrected" 2 "unknown option '--jsn'; did you mean '--json'?" run --jsn -- true
write_policy '{ "version": 1, "name": "p", "filesytem": {} }'
refuses "a policy's error has its place" 125 "policy.json:1:30: error: unknown key \"filesytem\"" run --policy "$dir/policy.json" -- true
check "a preset is a policy" status 0 run --policy preset:verify -- true
write_policy '{ "version": 1, "name": "p", "extends": ["preset:verify"], "resources": { "wall": "1s" } }'
field='"kind":"timeout"' check "a policy bounds the time" has --policy "$dir/policy.json" -- sleep 100
write_policy '{ "version": 1, "name": "p", "extends": ["preset:verify"], "filesystem": { "deny": [{ "path": "@image/usr/lib/os-release", "reason": "test" }] } }'
check "what a policy denies is hidden" status 1 run --policy "$dir/policy.json" -- cat /usr/lib/os-release
done_testing
