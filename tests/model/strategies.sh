#!/bin/sh
# Two agents of one role: the built-in one first, and a model where that brings nothing; and both, of whom the better
# patch is proposed.  The pull request says who wrote it and who else tried, and its prose does nothing.  Needs root.
# shellcheck disable=SC2016 # programs of other shells
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/sh/lib.sh
. tests/model/lib.sh
agents built-in model
policy 0.90
serve race
host "$url"
prepared
strategy() { # strategy NAME KEYS: of the patch agents, in a state and a repository that had no case
	node -e '
		const fs = require("fs"), s = JSON.parse(fs.readFileSync("service-model.json"));
		Object.assign(s.agents.patch, { strategy: process.argv[1] }, JSON.parse(process.argv[2] || "{}"));
		fs.writeFileSync("service-model.json", JSON.stringify(s));' "$@"
	git -C "$work/repo" for-each-ref --format='%(refname)' refs/heads/sickbay | while read -r ref; do
		git -C "$work/repo" update-ref -d "$ref"
	done
	rm -rf "$state/cases" "$state/incidents" "$state/drift.ndjson"
	rm -f "$work/race.log"
	serve race
	host "$url"
}
asked() { grep -c '"method"' "$work/race.log"; }
author() { of "$(record 7-outcome.json)" j.outcome; "$sickbay" case show "$(of "$work/out" j.case)" --state "$state" | sed -n 's/^patch by *//p'; }
text() { grep -qF -e "$1" "$(record pr.md)" || { cat "$(record pr.md)"; return 1; }; }

# ---- offline first ----
strategy offline-first
check "the built-in agent's patch holds" ends 0 proposed "awaits a person"
same "so no model was asked" 0 "$(asked)"
check "and the pull request has no text by one" text "no text by a model"

strategy offline-first '{ "evaluations": 1 }'
check "where it brings nothing, the model is asked" ends 0 proposed "awaits a person"
same "in three turns" 3 "$(asked)"
same "the change is the model's" scripted/scripted-1 "$(author | tail -n 1)"
check "the pull request says so" text 'change by the model `scripted/scripted-1`.'
check "and who else tried" text "- a change by the built-in agent, without a model: "
check "its prose neither links, nor mentions, nor closes" text 'fixes `#12`, cc `@all`'
check "nor does the commit's" sh -c 'git -C "$1" log -1 --format=%B "$2" | grep -qF "fixes # 12, cc @ all"' - "$work/repo" \
	"sickbay/$(of "$work/out" j.case)"
check "what is exported holds" "$sickbay" case export "$(of "$work/out" j.case)" --state "$state" -o "$work/case.tar"
check "and is verified" "$sickbay" case verify "$work/case.tar"

# ---- a race ----
strategy race '{ "evaluations": 50 }'
check "of two that hold, one is proposed" ends 0 proposed "awaits a person"
same "both had their turn" 3 "$(asked)"
same "both were proven" "accepted accepted" "$(of "$(record 5-proof.json)" 'j.verdict + " " + j.others[0].verdict')"
same "the one of the lower risk is proposed, though its diff is the larger one" "1 low medium" \
	"$(of "$(record 5-proof.json)" '[j.candidate, j.risk.level, j.others[0].risk.level].join(" ")')"
check "what became of the other is said" text '- a change by the built-in agent, without a model: it holds, but ranks lower'
check "what is exported holds" "$sickbay" case export "$(of "$work/out" j.case)" --state "$state" -o "$work/case.tar"
check "and is verified" "$sickbay" case verify "$work/case.tar"
done_testing
