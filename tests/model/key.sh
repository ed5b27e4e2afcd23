#!/bin/sh
# The key of a model is nowhere in a replica while an agent that asks the model works there: not in the memory of its
# processes, their environment and arguments, their sockets, nor in any file, however it may be written.  That the search
# would find it is shown first, in replicas where it is planted in each of these ways.  Needs root.
# shellcheck disable=SC2002,SC2016,SC2119,SC2317 # programs of other shells; called by their names
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/sh/lib.sh
. tests/sh/below.sh
. tests/model/lib.sh
search=$(dirname "$sickbay")/model-search
SLEEP=5.125 SECRET_KEY=$key
export SLEEP SECRET_KEY
printf '%s' "$key" >"$work/key.raw"

inside() { # inside PID: those of them that are in a pid namespace of their own
	below "$1" | while read -r one; do
		own=$(readlink "/proc/$one/ns/pid")
		[ -z "$own" ] || [ "$own" = "$(readlink /proc/self/ns/pid)" ] || echo "$one"
	done
}
until_runs() { # until_runs PID WORDS: a process below it in a replica runs that: $found has all that are inside
	i=0
	while [ $((i += 1)) -lt 300 ] && kill -0 "$1" 2>/dev/null; do
		found=$(inside "$1")
		for one in $found; do
			words=$(cat "/proc/$one/cmdline" 2>/dev/null | tr "\0" " ")
			case $words in "$2"*) return 0 ;; esac
		done
		sleep 0.1
	done
	return 1
}

# ---- the control: planted, it is found ----
planted() { # planted WHERE HOW SCRIPT: a replica whose sh runs SCRIPT, with the text $plant on standard input
	printf '%s\n' "$plant" >"$work/plant"
	"$sickbay" run --state "$state" --image host -- sh -c "$3" <"$work/plant" >/dev/null 2>&1 &
	pid=$!
	until_runs "$pid" "sleep 7.25" || echo "it does not run"
	# shellcheck disable=SC2086 # a list of processes
	"$search" "$work/key.raw" $found >"$work/found"
	kill "$pid"
	wait "$pid"
	pid=
	grep -q "^$1.*: $2" "$work/found" || { tail -n 5 "$work/found"; return 1; }
}
hold='read -r x; sleep 7.25 & wait'
hex() { printf '%s' "$key" | od -An -v -tx1 | tr -d ' \n'; }
plant=$key
check "a key in the memory of a process is found" planted "memory" "as it is" "$hold"
check "a key in a file is found" planted "file" "as it is" 'cat >/tmp/f; exec sleep 7.25'
check "a key in an environment is found" planted "environment" "as it is" 'read -r x; K=$x exec sleep 7.25'
check "a key in a socket that nobody reads is found" planted "socket" "as it is" 'exec /usr/bin/python3 -c "
import os, socket, sys
a, b = socket.socketpair(); a.send(sys.stdin.buffer.read()); os.set_inheritable(b.fileno(), True); os.set_inheritable(a.fileno(), True)
os.execvp(\"sleep\", [\"sleep\", \"7.25\"])"'
plant=$(printf '%s' "$key" | cut -c5-14)
check "a piece of it is found" planted "memory" "a piece of it" "$hold"
plant=$(printf '%s' "$key" | base64 -w 0)
check "base64 is found" planted "memory" "base64" "$hold"
plant=$(printf 'x%s' "$key" | base64 -w 0)
check "with one byte before it" planted "memory" "base64, one byte" "$hold"
plant=$(printf 'xy%s' "$key" | base64 -w 0)
check "with two bytes before it" planted "memory" "base64, two bytes" "$hold"
plant=$(hex)
check "hexadecimal is found" planted "memory" "hexadecimal" "$hold"
plant=$(hex | sed 's/../%&/g')
check "percent-encoded is found" planted "memory" "percent-encoded" "$hold"
plant=none
nothing() { nothing_of key.raw "$@"; } # nothing PID...: the key is not there
nothing_of() { # nothing_of KEY PID...
	of=$work/$1
	shift
	"$search" "$of" "$@" >"$work/found" && { grep -v '^looked' "$work/found" | head -n 5; return 1; }
	grep -q 'found 0' "$work/found"
}
empty() {
	planted "memory" "as it is" "$hold" >/dev/null
	grep -q 'found 0' "$work/found"
}
check "where it is not planted, nothing is found" empty

# ---- an agent that asks the model ----
agents built-in model
policy 0.90
serve busy
unset SECRET_KEY
host "$url"
other=other-$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n') # of an endpoint that no agent of the service may ask
(umask 077; printf '%s' "$other" >"$work/other.key")
node -e '
	const fs = require("fs"), file = process.argv[1] + "/sickbay.json", c = JSON.parse(fs.readFileSync(file));
	c.models.push({ ...c.models[0], name: "elsewhere", credential: process.argv[1] + "/other.key" });
	fs.writeFileSync(file, JSON.stringify(c));' "$work"
prepared
heal &
pid=$!
found=
until_runs "$pid" "sleep $SLEEP"
check "an agent asks the model in a replica" [ -n "$found" ]
broker=$(below "$pid" sickbay-broker)
# shellcheck disable=SC2086 # a list of processes
check "the key is nowhere in its replicas" nothing $found
echo "# $(tail -n 1 "$work/found")"
agent() { for one in $found; do tr '\0' ' ' <"/proc/$one/cmdline"; done 2>/dev/null | grep -q sickbay-agent; }
check "the agent was among what was looked at" agent
limits() { [ $# -gt 0 ] && for one; do grep -q '^Max core file size *0 *0 ' "/proc/$one/limits" || return 1; done; }
# shellcheck disable=SC2086 # it and its resolver
check "the broker, which has it, leaves no core" limits $broker
memories() { for one in $broker; do echo "memory:$one"; done; }
# shellcheck disable=SC2046 # a list
unless_asan check "in its memory the key is found" "$search" "$work/key.raw" $(memories)
# shellcheck disable=SC2046 # a list
check "and that of an endpoint which nobody here may ask is not" nothing_of other.key $(memories)
told() { for one; do grep -qaF "$key" "/proc/$one/environ" "/proc/$one/cmdline" && return 1; done; return 0; }
# shellcheck disable=SC2046 # a list of processes
check "and no process has it in its environment or arguments" told $(below "$pid")
wait "$pid"
played busy "the agent that looked for it found nothing"
check "the server was asked with it" grep -q "sha256:$(printf '%s' "$key" | sha256sum | cut -c1-64)" "$work/busy.log"
check "the key is in nothing that the case left: records, log, store" nothing "$state"

# ---- a program that brings its own loop, and asks by HTTP ----
serve busy
host "$url"
node -e '
	const fs = require("fs"), s = JSON.parse(fs.readFileSync("service-model.json"));
	const script = "fetch(process.env.BASE + \"/v1/messages\", { method: \"POST\", headers: { \"x-api-key\": process.env.KEY, \"content-type\": \"application/json\" }, " +
		"body: JSON.stringify({ model: process.env.MODEL, max_tokens: 99, messages: [{ role: \"user\", content: \"hello\" }] }) })" +
		".then((r) => r.text()).then((t) => { globalThis.said = t; setTimeout(() => {}, 4000); })";
	s.agents.patch = { kind: "external", strategy: "model-only", models: ["scripted/scripted-1"], command: ["/usr/bin/node", "-e", script],
		env: { BASE: "@base", KEY: "@key", MODEL: "@model" } };
	fs.writeFileSync("service-model.json", JSON.stringify(s));'
before=$(grep -c '"end":"sent"' "$work/busy.log")
heal &
pid=$!
found=
until [ "$(grep -c '"end":"sent"' "$work/busy.log")" -gt "$before" ] || ! kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
until_runs "$pid" "/usr/bin/node -e fetch"
check "an agent program was answered in a replica" sh -c '[ -n "$1" ] && [ "$(grep -c "\"end\":\"sent\"" "$2")" -gt "$3" ]' - "$found" "$work/busy.log" "$before"
# shellcheck disable=SC2086 # a list of processes
check "the key is nowhere in its replica" nothing $found
echo "# $(tail -n 1 "$work/found")"
# shellcheck disable=SC2046 # a list of processes
check "nor in the environment or the arguments of the program that answers it" told $(below "$pid")
wait "$pid"
done_testing
