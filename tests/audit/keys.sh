#!/bin/sh
# shellcheck disable=SC2016 # programs of other shells
# The keys of the log: epochs, each signed by the one before it, and a key that is revoked.  Needs root.
. "$(dirname "$0")/../sh/lib.sh"
sickbay=${SICKBAY:-build/sickbay}
append=${sickbay%/*}/test-audit-log
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
state=$dir/state

audit() { verb=$1; shift; "$sickbay" audit "$verb" "$@" --state "$state"; }
prints() { text=$1; shift; "$@" 2>&1 | grep -qF -e "$text"; }
key() { audit key >"$dir/key$1"; }
proves() { "$sickbay" audit check --key "$1" "$2"; }
copy() { rm -rf "$dir/copy" && cp -a "$state" "$dir/copy"; }
elsewhere() { "$sickbay" audit verify --state "$dir/copy" "$@"; }

"$append" "$state" old-1 3
cp "$state/audit/checkpoint" "$dir/checkpoint0"
key 0
check "a log has one key" [ "$(audit key --all | wc -l)" = 1 ]
refuses "the key in use is not revoked" 1 "key epoch 0 is the one in use: 'sickbay audit rotate-key' first" \
	audit revoke-key 0 --since 2020-01-01 --reason lost
cp "$state/audit/key" "$dir/old"
check "the log gets a new key" prints "key epoch 1 begins" audit rotate-key
key 1
check "it is another one" sh -c '! cmp -s "$1/key0" "$1/key1"' sh "$dir"
check "the old key's bytes are gone" sh -c '! grep -rqFf "$1" "$2" && [ ! -e "$2/key.next" ]' sh "$dir/old" "$state/audit"
check "the log says so" prints "log.key epoch=1" audit show
check "and that the new one begins" prints "log.key-begin epoch=1" audit show
check "it verifies" prints "ok: " audit verify
check "with the first key too" prints "ok: " audit verify --key "$dir/key0"
check "and with the second" prints "ok: " audit verify --key "$dir/key1"
"$append" "$state" new-1 3
check "what is appended then is signed by the new key" prints "ok: " audit verify --from "$state/audit/checkpoint"
check "a third key" audit rotate-key
key 2
check "three epochs are listed" [ "$(audit key --all | wc -l)" = 3 ]
check "the whole list verifies from the first key" prints "ok: " audit verify --key "$dir/key0"

audit prove --since "$dir/checkpoint0" >"$dir/grew"
check "the log only grew since the first checkpoint" prints "begins with the one of " proves "$dir/key0" "$dir/grew"
check "whichever of the keys is believed" proves "$dir/key2" "$dir/grew"
sed 's/^path \(.\)/path A\1/; s/^\(path .*\).\{1\}$/\1/' "$dir/grew" >"$dir/wrong"
refuses "another path proves nothing" 1 "does not hold: " proves "$dir/key2" "$dir/wrong"
sed '/^rotation/,/^$/d' "$dir/grew" >"$dir/wrong"
refuses "nor does a list of keys with a gap" 1 "does not hold: " proves "$dir/key2" "$dir/wrong"
audit prove 2 >"$dir/proof"
check "a record of the first key's time is proven by the newest" prints '"case":"old-1"' proves "$dir/key2" "$dir/proof"

copy; cp "$dir/checkpoint0" "$dir/copy/audit/checkpoint"
refuses "a checkpoint that was put back is named" 1 "rewound: " elsewhere
copy; cp "$state/audit/keys/00000001" "$dir/copy/audit/keys/00000002"
refuses "a key that does not follow is named" 1 "unknown-key: key epoch 2: the note of key epoch 2 does not follow" elsewhere
copy; rm "$dir/copy/audit/keys/00000002"
refuses "so is an epoch that was left out" 1 "unknown-key: key.pub is not the newest key" elsewhere
copy; cp "$dir/key0" "$dir/copy/audit/key.pub"
refuses "and a public key that was put back" 1 "unknown-key: key.pub is not the newest key" elsewhere
check "the next command sets that right" "$append" "$dir/copy" more 1
check "and the log verifies" prints "ok: " elsewhere
"$append" "$dir/other" x 1
"$sickbay" audit key --state "$dir/other" >"$dir/stranger"
refuses "a stranger's key is none of the log's" 1 "unknown-key: the key that was given is none of this log's" audit verify --key "$dir/stranger"

# a change of key that was cut short
copy; cp -p "$dir/other/audit/key" "$dir/copy/audit/key.next"
check "a key that never began is forgotten" "$append" "$dir/copy" more 1
check "the log goes on with the one it had" prints "ok: " elsewhere --key "$dir/key2"
check "and nothing of the other is left" [ ! -e "$dir/copy/audit/key.next" ]
copy; mv "$dir/copy/audit/key" "$dir/copy/audit/key.next"; cp -p "$dir/other/audit/key" "$dir/copy/audit/key"; cp "$dir/key1" "$dir/copy/audit/key.pub"
check "one whose epoch had begun is put in its place" "$append" "$dir/copy" more 1
check "and the log verifies with it" prints "ok: " elsewhere --key "$dir/key2"

check "revoking a key names its cases" prints "old-1" audit revoke-key 0 --since 2020-01-01 --reason "the disk was sold"
check "and no others" sh -c '! "$1" audit revoke-key 0 --since 2020-01-01 --reason again --state "$2" | grep -q new-1' sh "$sickbay" "$state"
check "nor older ones" prints "it signed for 0 cases" audit revoke-key 0 --since 2999-01-01 --reason later
check "the list says which key is revoked" prints "REVOKED since 2999-01-01: later" audit key --all
check "the log too" prints 'log.key-revoked epoch=0 since="2020-01-01" reason="the disk was sold" cases=1' audit show
refuses "an epoch that is not there is named" 1 "the log has no key epoch 9" audit revoke-key 9 --since 2020-01-01 --reason x
refuses "a date must be one" 2 "'soon' is neither YYYY-MM-DD nor a time" audit revoke-key 0 --since soon --reason x
refuses "a reason is wanted" 2 "audit revoke-key wants an epoch" audit revoke-key 0 --since 2020-01-01
check "the log is whole" prints "ok: " audit verify
done_testing
