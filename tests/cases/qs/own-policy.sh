#!/bin/sh
# The repository's own policy, at the base commit, narrows what the patch agent may change.
set -u
cd "$(dirname "$0")/../../.." || exit 1
. tests/sh/lib.sh
case=qs format=node report=report.ndjson
. tests/cases/heal.lib.sh
mkdir "$at/repo/.sickbay"
git -C "$at/repo" checkout -q main
cat >"$at/repo/.sickbay/policy.json" <<'JSON'
{ // ours
  "version": 1, "name": "own",
  "code": { "deny": [{ "path": "lib/utils.js", "reason": "shared helpers are changed by hand" }] },
}
JSON
git -C "$at/repo" add .sickbay
git -C "$at/repo" -c user.name=t -c user.email=t@example.invalid commit -qm "scope"
sed -i "s/\"commit\": \"[0-9a-f]*\"/\"commit\": \"$(git -C "$at/repo" rev-parse HEAD)\"/" "$at/deploy.json"
check "the service is ready" "$sickbay" service check "$at/service.json" --state "$state"
check "healed" sh -c '"$1" heal --from node --service "$2/service.json" --state "$3" --deploy "$2/deploy.json" <"$2/report.ndjson"' \
	sh "$sickbay" "$at" "$state"
for record in "$state"/cases/*; do :; done
same "the file that it keeps is not changed" lib/stringify.js \
	"$(json "$record/4-patch.json" '" ".join(c["path"] for c in j["changes"])')"
same "the refusals name its reason" "'lib/utils.js': shared helpers are changed by hand" \
	"$(json "$record/4-patch.json" 'j["agent"]["refusals"][0]["reason"]')"
check "a person decides on it" "$sickbay" case decide "$(basename "$record")" merged --state "$state"
echo '{ "version": 1, "name": "own", "cod": {} }' >"$at/repo/.sickbay/policy.json"
git -C "$at/repo" -c user.name=t -c user.email=t@example.invalid commit -qam "typo"
sed -i "s/\"commit\": \"[0-9a-f]*\"/\"commit\": \"$(git -C "$at/repo" rev-parse HEAD)\"/" "$at/deploy.json"
refuses "one with a mistake stops the case" 1 'did you mean "code"?' sh -c \
	'"$1" heal --from node --service "$2/service.json" --state "$3" --deploy "$2/deploy.json" <"$2/report.ndjson"' \
	sh "$sickbay" "$at" "$state"
done_testing
