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
check "the diff" says "$work/case.html" "-  return item.name.length;"
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

# ---- hostile text in every record ----
cp -a "$state" "$work/hostile"
rm "$work/hostile/cases/$proposed/decisions.ndjson" # it names the records as they were
/usr/bin/python3 "$here/poison.py" "$work/hostile/cases/$proposed"
check "a hostile case has a page" "$sickbay" case show "$proposed" --state "$work/hostile" --html "$work/hostile.html"
# shellcheck disable=SC2086 # one word a part
check "it is whole, and nothing of it became markup" structure "$work/hostile.html" $page_parts
check "what it says is shown" says "$work/hostile.html" "<script>evil()</script>"
check "what would turn text round is shown by its number" says "$work/hostile.html" "U+202E"
done_testing
