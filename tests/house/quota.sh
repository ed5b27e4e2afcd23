#!/bin/sh
# A disk that is getting full: no case is begun, what nobody needs is collected, and it goes on by itself.
# shellcheck source=tests/sh/lib.sh
. "$(dirname "$0")/../sh/lib.sh"
# shellcheck source=tests/queue/lib.sh
. "$(dirname "$0")/../queue/lib.sh"
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
state=$dir/state
mkdir "$state"
toy shop
incident shop a >"$dir/a.json"
quota() { # quota BYTES [AGE]: of the state directory
	echo "{ \"version\": 1, \"state\": \"$state\", \"services\": \"$dir/services\", \"quota\": { \"bytes\": \"$1\", \"age\": \"${2:-1h}\" } }" >"$dir/config.json"
}
heal() { "$sickbay" heal "$dir/a.json" --service shop --config "$dir/config.json"; }

quota 1GiB
check "the service is ready" "$sickbay" service check "$dir/services/shop.json" --state "$state"
mkdir -p "$state/images/layers/.draft-left/usr"
used=$(du -sk "$state" | cut -f1)
quota "$((used * 1024 * 100 / 85 / 1024 + 1))KiB"
refuses "from 80 % on no case is begun, and that is said" 3 "at which no case is begun: see \`sickbay df\` and \`sickbay gc\`" heal
check "none was made" test ! -e "$state/cases/shop-a-1"
check "what is derived stays at this level" test -e "$state/images/layers/.draft-left"
check "the status says what it waits for" prints "no case is begun" "$sickbay" status --config "$dir/config.json"

quota "$((used + 1))KiB" 1s
sleep 1.1 # the age of this configuration
"$sickbay" worker --drain --config "$dir/config.json" >"$dir/out" 2>&1
check "from 90 % on the worker collects what nobody needs" test ! -e "$state/images/layers/.draft-left"
check "and says so" grep -q "things that nobody needs were collected" "$dir/out"
check "the log has it" logged house.collect
quota 1GiB
again() { # the incident was taken in; a person goes on with it
	id=$("$sickbay" incident list --json --config "$dir/config.json" | sed -n 's/.*"incident": "\([^"]*\)".*/\1/p' | head -n 1)
	out=$("$sickbay" heal --incident "$id" --service shop --config "$dir/config.json" 2>&1)
	case "$?:$out" in [03]:*observed*) ;; *) echo "$id: $out"; return 1 ;; esac
}
check "with room again it goes on" again
check "a case was made" sh -c 'ls "$1"/cases | grep -q .' sh "$state"
check "the log verifies" "$sickbay" audit verify --state "$state"
done_testing
