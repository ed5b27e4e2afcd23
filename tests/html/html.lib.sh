# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # used by the tests; of tests/cli/toy.lib.sh
# Sourced after tests/cli/toy.lib.sh: two cases of a small service, one proposed and one refused, whose report says hostile
# things, and their pages.
here=$top/tests/html
page_parts="timeline coordinates change proof candidates budget refusals log"
figure_parts="outcomes precision times drift exposure cases"
make_pages() { # the pages case.html, refused.html and stats.html in $work
	service service.json "s/item.name.length/(item?.name ?? '').length/" preset:patch
	check "a service is ready" "$sickbay" service check "$work/service.json" --state "$state"
	service service.json 's/return item.name.length;/try { & } catch (e) { }/' preset:patch
	heal >"$work/log" 2>&1
	refused=$(newest)
	sed -i '/"agents"/d' "$work/service.json"
	check "a case is proposed" heal
	proposed=$(newest)
	check "and merged by a person" "$sickbay" case decide "$proposed" merged --state "$state"
	check "the case has a page" "$sickbay" case show "$proposed" --state "$state" --html "$work/case.html"
	check "so has one that was refused" "$sickbay" case show "$refused" --state "$state" --html "$work/refused.html"
	check "so have the figures" "$sickbay" stats --state "$state" --html "$work/stats.html"
}
