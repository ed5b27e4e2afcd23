#!/bin/sh
# Pages of cases and figures in headless Chromium: what is seen, in light and dark, by keys, on paper, and that nothing else is
# asked for.  Needs root.  With SCREENSHOTS=DIR the pictures stay there.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/sh/lib.sh
. tests/sh/lib.sh
for tool in chromedriver pdftotext; do
	command -v "$tool" >/dev/null || { echo "1..0 # skip $tool is not installed"; exit 0; }
done
# shellcheck source=tests/cli/toy.lib.sh
. tests/cli/toy.lib.sh
# shellcheck source=tests/html/html.lib.sh
. tests/html/html.lib.sh
make_pages
cp -a "$state" "$work/hostile"
rm "$work/hostile/cases/$proposed/decisions.ndjson"
/usr/bin/python3 "$here/poison.py" markup "$work/hostile/cases/$proposed"
"$sickbay" case show "$proposed" --state "$work/hostile" --html "$work/hostile.html"
mkdir -p "$work/many/cases"
/usr/bin/python3 "$here/many.py" "$work/many" 60 12
"$sickbay" stats --state "$work/many" --html "$work/many.html"
shots=${SCREENSHOTS:-$work/shots}
mkdir -p "$shots"
/usr/bin/python3 "$here/browser.py" "$shots" "$work/case.html" "$page_parts" "$work/hostile.html" "$page_parts" \
	"$work/many.html" "$figure_parts" >"$work/tap" 2>"$work/browser.err"
browser=$?
while IFS= read -r line; do
	case $line in
	"ok - "*) n=$((n + 1)); echo "ok $n - ${line#ok - }" ;;
	"not ok - "*) n=$((n + 1)) bad=1; echo "not ok $n - ${line#not ok - }" ;;
	*) echo "$line" ;;
	esac
done <"$work/tap"
[ "$browser" = 0 ] || sed 's/^/# /' "$work/browser.err"
check "the browser was asked everything" [ "$browser" = 0 ]
done_testing
