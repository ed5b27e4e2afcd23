#!/bin/sh
# Pages of cases and figures, by parsing them: what is in them, that they load nothing, and that text cannot become markup.
# Needs root.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/sh/lib.sh
. tests/sh/lib.sh
# shellcheck source=tests/cli/toy.lib.sh
. tests/cli/toy.lib.sh
# shellcheck source=tests/html/html.lib.sh
. tests/html/html.lib.sh
structure() { /usr/bin/python3 "$here/structure.py" "$@"; }
says() { # says FILE TEXT: in the text of the page
	/usr/bin/python3 -c 'import html.parser, sys
class P(html.parser.HTMLParser):
    text = ""
    def handle_data(self, data): P.text += data + " "
P().feed(open(sys.argv[1]).read())
sys.exit(" ".join(sys.argv[2].split()) not in " ".join(P.text.split()))' "$@"
}
make_pages

# shellcheck disable=SC2086 # one word a part
{
	check "the case's page is whole" structure "$work/case.html" $page_parts
	check "so is the one of a refused case" structure "$work/refused.html" $page_parts
	check "so is the one of the figures" structure "$work/stats.html" $figure_parts
}
check "the same case gives the same page" sh -c '"$1" case show "$2" --state "$3" --html - | cmp - "$4"' sh \
	"$sickbay" "$proposed" "$state" "$work/case.html"
check "its outcome is told" says "$work/case.html" "proposed branch sickbay/$proposed awaits a person"
check "the coordinate that was reported, and the one that was seen" says "$work/case.html" "TypeError at price.js:9 size"
check "the diff" says "$work/case.html" "- return item.name.length;"
check "each step of the proof" says "$work/case.html" "held-out variants of the input behave"
check "with evidence behind it" says "$work/case.html" "mended"
check "candidates" says "$work/case.html" "passes, but ranks below the one chosen"
check "the checkpoint" says "$work/case.html" "$(json "$(record 6-pullreq.json)" 'j.measured.checkpoint.root')"
check "that the log was checked" says "$work/case.html" "When this page was made: ok:"
check "what a person decided" says "$work/case.html" merged
check "a refusal, with the line of the policy" says "$work/refused.html" "(rule /code/weakening at preset:code:"
check "and that it was not proposed" says "$work/refused.html" "It was not proposed."
check "figures: outcomes" says "$work/stats.html" "How sickbay's own work on 2 cases ended."
check "precision" says "$work/stats.html" "1 of 1 (100"
check "where agents changed code" says "$work/stats.html" price.js
check "what policies leave reachable" says "$work/stats.html" "commands not named"
refuses "one of both" 2 "case show: --json or --html, not both" "$sickbay" case show "$proposed" --state "$state" --json --html x
refuses "for figures, too" 2 "stats: --json or --html, not both" "$sickbay" stats --state "$state" --json --html x
refuses "a folder that is not there is named" 1 "/nowhere" "$sickbay" case show "$proposed" --state "$state" --html /nowhere/x.html

# ---- hostile records ----
poisoned() { # poisoned KIND [SEED]: the case with such records in a state of its own, and its page as KIND.html
	rm -rf "$work/hostile"
	cp -a "$state" "$work/hostile"
	rm "$work/hostile/cases/$proposed/decisions.ndjson" # it names the records as they were
	/usr/bin/python3 "$here/poison.py" "$1" "$work/hostile/cases/$proposed" "${2:-0}" &&
		"$sickbay" case show "$proposed" --state "$work/hostile" --html "$work/$1.html"
}
smaller() { [ "$(wc -c <"$1")" -lt "$2" ] || { wc -c "$1"; return 1; }; }
# shellcheck disable=SC2086 # one word a part
{
	check "a hostile case has a page" poisoned markup
	check "it is whole, and nothing of it became markup" structure "$work/markup.html" $page_parts
	check "what it says is shown" says "$work/markup.html" "<script>evil()</script>"
	check "what would turn text round is shown by its number" says "$work/markup.html" "U+202E"
	check "a word without an end is cut, and how much is said" says "$work/markup.html" "bytes more)"
	check "a case with thousands of everything has a page" poisoned flood
	check "it is whole" structure "$work/flood.html" $page_parts
	check "and no larger than a browser likes" smaller "$work/flood.html" 4000000
	check "all candidates are counted" says "$work/flood.html" "refused: 3000"
	check "and the ones that are not shown" says "$work/flood.html" "and 7400 more"
	check "so are lines of the difference" says "$work/flood.html" "more lines stand in the case's records"
}
confused() { # 25 cases whose values are of other types than they were: a page, or what is wrong with which record
	seed=0 pages=0
	while [ $((seed += 1)) -le 25 ]; do
		said=$(poisoned types "$seed" 2>&1)
		status=$?
		case $status:$said in
		0:*) pages=$((pages + 1)); structure "$work/types.html" $page_parts || return ;;
		1:*"-match.json: "* | 1:*"-patch.json: "* | 1:*"-proof.json: "*) ;;
		*) echo "seed $seed: exit $status: $said"; return 1 ;;
		esac
	done
	[ "$pages" -gt 5 ] || { echo "$pages pages"; return 1; }
}
check "values of other types give a page, or the record that is wrong" confused
truncate -s 900 "$work/hostile/cases/$proposed/5-proof.json"
refuses "a record that ends early is named" 1 "5-proof.json" "$sickbay" case show "$proposed" --state "$work/hostile" --html -

# ---- many cases ----
mkdir -p "$work/many/cases"
/usr/bin/python3 "$here/many.py" "$work/many" 500 40
check "500 cases have a page of figures" "$sickbay" stats --state "$work/many" --html "$work/many.html"
# shellcheck disable=SC2086 # one word a part
check "it is whole" structure "$work/many.html" $figure_parts
check "it has them month by month" says "$work/many.html" "by month 2026-01 42"
check "the time that most took" says "$work/many.html" "nine of ten"
check "modules, those changed most first" says "$work/many.html" "more modules stand in the table"
check "and policies side by side, with what each leaves reachable" says "$work/many.html" "code that may change ** src/** **"
done_testing
