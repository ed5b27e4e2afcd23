#!/bin/sh
# What the proof refuses by the policy: the rule's own place is named.  Needs root.
# shellcheck disable=SC2016 # programs of other shells
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/sh/lib.sh
. tests/cli/toy.lib.sh
mends="s/item.name.length/(item?.name ?? '').length/"

service service.json "$mends" preset:patch
check "the service is ready" "$sickbay" service check "$work/service.json" --state "$state"

patch() { # patch NAME CODE: a policy that says this of code
	cat >"$work/$1" <<-END
		{
		  "version": 1, "name": "shop-patch", "extends": ["preset:patch"], "roles": ["patch"],
		  "code": {
		    "allow": ["**"],
		    $2
		  }
		}
	END
}
refused() { # refused NAME OUTCOME TEXT: with that service file
	refuses "$1" "$2" "$3" heal
}

service service.json 's/return item.name.length;/try { & } catch (e) { }/' preset:patch
refused "a handler that swallows is refused by the rule of the preset" 3 \
	"proof step 4 (the diff obeys the policy) refused the patch: patch: it weakens the code (swallow-added, price.js:"
check "which is named with its place" grep -qE 'rule /code/weakening at [^ ]*:[0-9]+:[0-9]+\)' "$(record 7-outcome.json)"

patch strict.json '"weakening": "deny"'
service service.json 's/return item.name.length;/try { & } catch (e) { return 0; }/' strict.json
refused "by the operator's own policy: file, line and column" 3 "(rule /code/weakening at $work/strict.json:5:"

patch lax.json '"weakening": "allow"'
service service.json 's/return item.name.length;/try { & } catch (e) { return 0; }/' lax.json
refused "a policy that extends a strict one does not get laxer" 3 "it weakens the code (catch-all-added, price.js:"

patch sensitive.json '"sensitive": [{ "path": "price.js", "reason": "people write prices" }]'
service service.json "$mends" sensitive.json
refused "a sensitive path is refused with the reason and the place of its rule" 3 \
	"'price.js': people write prices (rule /code/sensitive/0 at $work/sensitive.json:5:"
check "the log is whole" "$sickbay" audit verify --state "$state"
done_testing
