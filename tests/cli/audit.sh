#!/bin/sh
# The audit command, as an operator and an auditor meet it.  Needs root: the log has a user of its own.
. "$(dirname "$0")/../sh/lib.sh"
sickbay=${SICKBAY:-build/sickbay}
append=${sickbay%/*}/test-audit-log # what an orchestrator would have written
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
state=$dir/state
segment=$state/audit/events/00000000000000000000.ndjson

audit() { verb=$1; shift; "$sickbay" audit "$verb" "$@" --state "$state"; }
prints() { text=$1; shift; "$@" 2>&1 | grep -qF -e "$text"; } # TEXT COMMAND ...
lines() { want=$1; shift; [ "$("$@" | wc -l)" -eq "$want" ]; } # N COMMAND ...
flip() { # FILE OFFSET: one bit of that byte
	/usr/bin/python3 - "$1" "$2" <<-EOF
	import sys
	with open(sys.argv[1], "r+b") as f:
	    f.seek(int(sys.argv[2])); b = f.read(1); f.seek(-1, 1); f.write(bytes([b[0] ^ 1]))
	EOF
}
prove_to() { audit prove "$1" >"$2"; }

refuses "a log that does not exist yet is said to" 1 "there is no audit log in '$state' yet" audit verify
refuses "a verb is needed" 2 "usage: sickbay audit" "$sickbay" audit
refuses "a misspelled verb is named" 2 "did you mean 'verify'?" "$sickbay" audit verfy
refuses "a record's number is needed" 2 "audit prove takes 1 operand" audit prove
check "an orchestrator appends" "$append" "$state" c-1 3
check "another one appends" "$append" "$state" c-2 2
check "the log is as it was signed" prints "ok: 8 records, 8 of them signed" audit verify
check "its root is printed" prints "checkpoint 8 " audit verify
check "the verdict can be read by a program" prints '{"verdict":"ok","seq":0,"records":8,"signed":8,' audit verify --json
check "every record is shown" lines 8 audit show
check "a case's records are shown" lines 3 audit show --case c-1
check "the operator's command is a record" prints '"type":"operator.command","login_uid":' audit show --json
check "the operator's arguments are recorded" prints '"argv":["'"$append" audit show --json
check "what is shown cannot drive a terminal" prints 'image="ho\u001bst"' audit show
check "as JSON, the records are those of the log" prints "$(sed -n 2p "$segment")" audit show --json
check "the log is private" [ "$(stat -c '%a %u' "$state/audit")" = "700 60802" ]
check "the signing key is private" [ "$(stat -c '%a %u' "$state/audit/key")" = "600 60802" ]

audit key >"$dir/key.pub"
check "a record is provable" prove_to 3 "$dir/3.tlog-proof"
check "the proof holds anywhere" prints "holds: record 3, signed by " "$sickbay" audit check --key "$dir/key.pub" "$dir/3.tlog-proof"
refuses "a proof is worth its key" 2 "audit check needs '--key FILE'" "$sickbay" audit check "$dir/3.tlog-proof"
refuses "a record that is not there has no proof" 1 "record 8 is not among the 8 that are signed" audit prove 8
refuses "a record's number is a number" 1 "'x' is not a record's number" audit prove x
flip "$dir/3.tlog-proof" 40
refuses "a changed proof does not hold" 1 "does not hold: " "$sickbay" audit check --key "$dir/key.pub" "$dir/3.tlog-proof"
refuses "what is no proof is said to be none" 1 "not a proof of the form c2sp.org/tlog-proof@v1" \
	"$sickbay" audit check --key "$dir/key.pub" "$dir/key.pub"
refuses "what is no key is said to be none" 1 "not a public key of the form NAME+ID+KEY" \
	"$sickbay" audit check --key "$dir/3.tlog-proof" "$dir/3.tlog-proof"

cp "$state/audit/checkpoint" "$dir/witness"
"$append" "$state" c-3 1
check "a checkpoint kept elsewhere is part of the log" prints "ok: 10 records" audit verify --from "$dir/witness" --key "$dir/key.pub"
at=$(sed -n 1,4p "$segment" | wc -c)
flip "$segment" $((at + 100))
refuses "one flipped byte is found and its record named" 1 "edited: record 4 was changed (line 5 of events/00000000000000000000.ndjson)" audit verify
refuses "showing such a log says so" 1 "the log does not hold: edited: record 4 was changed" audit show
refuses "nothing is appended to such a log" 1 "the audit log was changed" "$append" "$state" c-4 1
flip "$segment" $((at + 100))
cp "$segment" "$dir/whole"
sed -i 6d "$segment"
refuses "a removed record is named" 1 "removed: record 5 was removed; record 6 is in its place" audit verify
sed '3{h;d};4{G}' "$dir/whole" >"$segment"
refuses "a record out of order is named" 1 "reordered: record 2 stands further back" audit verify
sed 5q "$dir/whole" >"$segment"
refuses "a cut log is named" 1 "truncated: record 5 is missing: the log ends there, but 10 records were signed" audit verify
cp "$dir/whole" "$segment"
check "put back, it is as it was signed" prints "ok: 10 records" audit verify
printf '{"v":1,"seq":10' >>"$segment"
refuses "a half-written record is a crash's" 1 "torn-tail: the last record is half-written" audit verify
check "the next command recovers" "$append" "$state" c-5 1
check "and that is recorded" prints 'log.recovered torn="00000000000000000010.0.torn" bytes=15' audit show
check "and the log holds" prints "ok: " audit verify
done_testing
