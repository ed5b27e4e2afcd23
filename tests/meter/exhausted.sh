#!/bin/sh
# A model's budget is used up: the agent is told, or ended, as the policy says; and the case says why.  Needs root.
# shellcheck disable=SC2016 # programs of other shells
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/sh/lib.sh
. "$top/tests/sh/lib.sh"
# shellcheck source=tests/inside/lib.sh
. "$top/tests/inside/lib.sh"
narrow() { # narrow WORD: what happens after three turns
	cat >"$work/patch.json" <<-J
		{ "version": 1, "name": "patch-by-model", "extends": ["preset:patch"],
		  "model": { "allow": ["scripted/scripted-1"], "max_turns": 3, "on_exhausted": "$1" }, "commands_default": "allow" }
	J
	heal
	got=$?
	[ "$got" = 3 ] || { echo "exit $got"; cat "$work/err"; return 1; }
}
reason() { of "$(record 7-outcome.json)" j.reason; }
left="the policy's max_turns is 3: 0 turns are left, too few for this request; end with what you have"
check "what was reported is an incident" incident
serve reads
config "$url"
agents built-in model
check "the service is ready" ready
check "an agent that may not go on is ended, with status 3" narrow stop
same "for this reason" "$left" "$(reason)"
same "the model was asked as often as the policy says" 3 "$(grep -c '"turn":' "$work/reads.log")"
check "the refusal is in the log" log_has '"type":"gate.deny"' "max_turns is 3"
check "nothing of what was answered is kept in a case that has ended" test ! -e "$(record calls)"
check "what it cost is shown to the last digit" sh -c '"$1" case show "$2" --state "$3" --json | grep -qF "\"usd_exact\": \"0.00135\""' - \
	"$sickbay" "$(basename "$(record '')")" "$state"
check "one that is told may end by itself" narrow give-up
check "and the reason is its own" sh -c 'case $1 in "$2") exit 1 ;; *budget*) ;; *) echo "$1"; exit 1 ;; esac' - "$(reason)" "$left"
done_testing
