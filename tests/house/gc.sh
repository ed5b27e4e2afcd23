#!/bin/sh
# What takes the space, what of it nobody needs, and that nothing else goes.
# shellcheck source=tests/sh/lib.sh
. "$(dirname "$0")/../sh/lib.sh"
top=$(cd "$(dirname "$0")/../.." && pwd)
sickbay=${SICKBAY:-build/sickbay}
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
state=$dir/state
config=$dir/sickbay.json
echo '{ "version": 1, "retention": { "kept": "1s", "raw": "1s" } }' >"$config"

gc() { "$sickbay" gc --state "$state" --config "$config" --age 0s "$@"; }
id() { printf 'sha256-%064d' "$1"; }
layer() { mkdir -p "$state/images/layers/$(id "$1")/usr"; echo "$1" >"$state/images/layers/$(id "$1")/usr/file"; }
has() { test -e "$state/$1"; }
lacks() { ! test -e "$state/$1"; }
says() { # says TEXT COMMAND [ARG ...]: exits 0 and prints the text
	text=$1; shift; out=$("$@") || { echo "$out"; return 1; }
	case "$out" in *"$text"*) ;; *) echo "$out"; return 1 ;; esac
}
past() { /usr/bin/python3 "$top/tests/cli/past-case.py" "$state" "$1" "$dir/none.json"; }

mkdir -p "$state/images/names" "$state/images/records" "$state/services/shop" "$state/repos/shop.git" "$state/tmp/1-a" "$state/kept/old-1" "$state/bodies/ab"
for one in 1 2 3 4 5 6; do layer $one; done
echo "{ \"layers\": [\"$(id 1)\"] }" >"$state/images/names/app.json"
echo '{}' >"$state/images/records/$(id 2).json"
echo "{ \"toolchain\": \"$(id 3)\" }" >"$state/services/shop/check.json"
echo "{ \"incident\": {}, \"replica\": { \"toolchain\": \"$(id 4)\" } }" | past live-1
echo "{ \"incident\": {}, \"replica\": { \"toolchain\": \"$(id 5)\" }, \"outcome\": { \"outcome\": \"no-fix\" } }" | past over-1
mkdir "$state/images/layers/.draft-abc"
for file in images/names/.tmp-a images/records/.tmp-b repos/.tmp-c repos/shop.git/.tmp-gits cases/live-1/.tmp-ours; do
	echo half >"$state/$file"
done
echo x >"$state/kept/old-1/x"
echo x >"$state/bodies/ab/cdef"
sleep 1.1 # the retention of this configuration

# ---- dry run ----
check "what would go is said first" says "layer" gc --dry-run
check "and stays" has "images/layers/$(id 5)/usr/file"
check "what is young is left alone" says "0 things, 0 KiB would go" "$sickbay" gc --dry-run --state "$state"
check "the space is told apart" says "layers" "$sickbay" df --state "$state" --config "$config"
check "JSON says the same" sh -c '"$1" df --json --state "$2" | /usr/bin/python3 -c "
import json, sys
v = json.load(sys.stdin)
assert v[\"schema\"] == \"sickbay.df/1\" and v[\"parts\"][\"cases\"][\"bytes\"] > 0 and 0 <= v[\"percent\"] <= 100, v"' sh "$sickbay" "$state"

# ---- for good ----
flock -s "$state/images/layers/$(id 6)" -c "\"$sickbay\" gc --state '$state' --config '$config' --age 0s" >"$dir/out" 2>&1
check "it ends well" grep -q "removed" "$dir/out"
check "a layer in use stays, whoever names it" has "images/layers/$(id 6)/usr/file"
check "one of an image stays" has "images/layers/$(id 1)/usr/file"
check "one that was prepared stays" has "images/layers/$(id 2)/usr/file"
check "one of a service that was checked stays" has "images/layers/$(id 3)/usr/file"
check "one of a case that has not ended stays" has "images/layers/$(id 4)/usr/file"
check "one of a case that is over goes" lacks "images/layers/$(id 5)"
check "a draft that nobody writes goes" lacks images/layers/.draft-abc
check "temporary files of killed runs go" sh -c 'cd "$1" && ! ls images/names/.tmp-a images/records/.tmp-b repos/.tmp-c 2>/dev/null' sh "$state"
check "what git left is git's" has repos/shop.git/.tmp-gits
check "nothing of a case goes" has cases/live-1/.tmp-ours
check "changes of a killed run go" lacks tmp/1-a
check "what was kept past its retention goes" lacks kept/old-1
check "so does what models were asked" lacks bodies/ab/cdef
check "the log has it" sh -c '"$1" audit show --state "$2" | grep -q house.collect' sh "$sickbay" "$state"
check "and verifies" "$sickbay" audit verify --state "$state"
check "the next one finds the layer that was in use" says "1 thing, " gc
check "and then there is nothing left" says "0 things, 0 KiB removed" gc

# ---- quotas ----
echo '{ "version": 1, "quota": { "bytes": "1MiB" } }' >"$config"
head -c 900000 /dev/zero >"$state/cases/live-1/attempt"
check "df says how full the quota is" says "no case is begun from 80 %" "$sickbay" df --state "$state" --config "$config"
refuses "operands are refused" 2 "gc takes no operands" gc all
refuses "a time is one" 2 "gc: 'soon' is no time such as" "$sickbay" gc --state "$state" --age soon
refuses "no state directory is an error, and none is made" 1 "No such file" "$sickbay" gc --state "$dir/none"
check "none was made" test ! -e "$dir/none"
done_testing
