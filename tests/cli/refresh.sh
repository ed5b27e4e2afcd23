#!/bin/sh
# A target branch that moves on while production runs an older commit: what it mended already, what is brought to its
# head, and a case that is begun again because the head is another one.  Needs root.
# shellcheck disable=SC2016 # programs of other shells
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/sh/lib.sh
. tests/cli/toy.lib.sh
service service.json "s/item.name.length/(item?.name ?? '').length/" preset:patch

# ---- already fixed ----
for i in 1 2 3; do echo "$i" >"$repo/note$i"; commit "before$i"; done
sed -i 's/item.name.length/(item.name || "").length/' "$repo/price.js"
commit mended
for i in 4 5 6; do echo "$i" >"$repo/note$i"; commit "after$i"; done
check "the service is ready" "$sickbay" service check "$work/service.json" --state "$state"
refuses "what the target mended already is not repaired again" 3 \
	"already-fixed: the new test passes since $(at mended | cut -c1-12), the first of 7 commits after the deployed one" heal
check "the commit that mended it was found by bisection" is "$(at mended) bisection" \
	"$(json "$(record 3-match.json)" 'j.isolate.fixed.commit + " " + j.isolate.fixed.how')"
check "in as many runs as 7 commits need, and one to be sure" is true \
	"$(json "$(record 3-match.json)" 'j.isolate.fixed.tried <= 4')"

# ---- a head whose file is another one ----
git checkout -q -B main deployed
sed -i 's/^exports.count.*/&\n  if (!items) return 0;/; s/^.use strict.;/&\n\nexports.currency = "EUR";/' "$repo/price.js"
commit moved
heals() { heal >"$work/out" 2>&1 || { cat "$work/out"; return 1; }; }
check "a patch is brought to a head where its file was changed elsewhere" heals
check "what was proven there is recorded" is true "$(json "$(record 5-proof.json)" 'j.at_head[0].new.includes("EUR")')"
check "each step of the head ran at the head" is "$(at moved)" \
	"$(json "$(record 5-proof.json)" 'j.steps.find((s) => s.step === 3 && s.side === "head").commit')"
branch=sickbay/$(newest)
check "the proposal is a commit on the head" is "$(at moved)" "$(at "$branch^")"
check "with the head's own changes" sh -c 'git -C "$1" show "$2:price.js" | grep -q EUR' - "$repo" "$branch"
check "and no other file than the patch's and the test's" is 2 "$(git diff --name-only "$branch^" "$branch" | wc -l)"
check "the pull request says that it was merged" grep -q "merged, line by line, into what main has by now" "$(record pr.md)"
check "what is exported holds" "$sickbay" case export "$(newest)" --state "$state" -o "$work/case.tar"
check "and is verified" "$sickbay" case verify "$work/case.tar"

# ---- the same incident at a head that moved on ----
kase() { verb=$1; shift; "$sickbay" case "$verb" "$@" --state "$state"; }
first=$(newest)
refuses "there is nothing to refresh while the head is the same" 3 \
	"the head of main is $(at moved | cut -c1-12) as it was for case '$first': nothing to refresh" kase refresh "$first"
check "no case was made of it" is "$first" "$(newest)"
echo 'exports.vat = 19;' >>"$repo/price.js"
commit further
refreshes() { kase refresh "$1" >"$work/out" 2>&1 || { cat "$work/out"; return 1; }; }
check "a case is begun again at the new head" refreshes "$first"
second=$(newest)
check "as another case, which names the first" is "$first" "$(json "$(record 1-incident.json)" 'j.refreshes.case')"
check "the log names both" sh -c '"$@" | grep case.begin | grep -q "\"refreshes\":"' - \
	"$sickbay" audit show --json --state "$state" --case "$second"
check "with its test" is "reused from case $first" "$(json "$(record 3-match.json)" 'j.agent.notes[0]')"
check "and its patch" is "reused from case $first" "$(json "$(record 4-patch.json)" 'j.agent.notes[0]')"
check "which were shown again at the new head" is "$(at further) true" \
	"$(json "$(record 5-proof.json)" 'j.steps.filter((s) => s.side === "head").map((s) => s.commit)[0] + " " + j.steps.every((s) => s.holds)')"
check "the new proposal is a commit on that head" is "$(at further)" "$(at "sickbay/$second^")"
check "its text names the one whose place it takes" grep -qF "It takes the place of the proposal of case $first" "$(record pr.md)"
check "the first one is decided as a duplicate" prints "duplicate" kase show "$first"
check "and says of which case" sh -c 'grep -qF "replaced by case $2" "$1"' - "$state/cases/$first/decisions.ndjson" "$second"
check "what is exported holds" "$sickbay" case export "$second" --state "$state" -o "$work/second.tar"
check "and is verified" "$sickbay" case verify "$work/second.tar"

git checkout -q -B main deployed
sed -i 's/item.name.length/item.name.length + 0/' "$repo/price.js"
commit overlapping
refuses "a patch of lines that were changed there needs a person, after the agent was asked again" 3 \
	"needs-person: 'price.js' differs between the base commit and main: the patch does not apply there (the same lines were changed" \
	kase refresh "$second"
check "the test was of use" is "reused from case $second" "$(json "$(record 3-match.json)" 'j.agent.notes[0]')"
check "the patch was not" is false "$(json "$(record 4-patch.json)" 'JSON.stringify(j.agent.notes).includes("reused")')"
check "the proposal before stays open" sh -c '[ ! -e "$1" ]' - "$state/cases/$second/decisions.ndjson"
refuses "an unknown case is named" 1 "no case 'shop-9'" kase refresh shop-9
refuses "refresh wants one id" 2 "case refresh wants one case id" kase refresh

check "a person decides" kase decide "$second" merged
git checkout -q -B main deployed
git mv price.js prices.js && sed -i 's/price.js/prices.js/' "$repo/package.json" "$repo/test/price.test.js"
commit renamed
refuses "a test that cannot run at the head is not fixed there" 3 "needs-person: 'price.js' differs" heal
check "the log is whole" "$sickbay" audit verify --state "$state"
done_testing
