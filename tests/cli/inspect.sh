#!/bin/sh
# sickbay-agent --inspect: one question, one JSON document; and the harnesses that it writes, run in their languages.
. "$(dirname "$0")/../sh/lib.sh"
sickbay=${SICKBAY:-build/sickbay}
agent=$(realpath "${sickbay%/*}/sickbay-agent")
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
mkdir lib test

inspect() { "$agent" --inspect "$@"; }
query() { /usr/bin/python3 -c 'import json, sys; d = json.load(sys.stdin); print(eval(sys.argv[1], {"d": d}))' "$1"; }
events() { /usr/bin/python3 -c 'import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
print(eval(sys.argv[2], {"rows": rows, "values": [r for r in rows if r["e"] == "value"]}))' "$@"; }
is() { [ "$1" = "$2" ] || { echo "got: $1"; echo "want: $2"; return 1; }; }

printf 'def f(x):\n    if x is None:\n        return 1\n    return x.y\n' >old.py
printf 'def f(x):\n    return x.y\n' >new.py
outline=$(inspect outline old.py | query '[(f["name"], f["line"], f["last"], f["parameters"]) for f in d["functions"]]')
check 'an outline names functions, lines and parameters' is "$outline" "[('f', 1, 4, ['x'])]"
mutants=$(inspect mutants old.py --lines 2-3 --original new.py | query 'len(d["mutants"]) > 3 and d["mutants"][0]["essential"]')
check 'mutants of changed lines begin with the one that takes the change away' is "$mutants" True
check 'nothing weakened is an empty list' is "$(inspect weakening new.py old.py --lang python)" '{"findings":[],"notes":[]}'
printf 'try:\n    f()\nexcept A:\n    g()\n' >one.py
printf 'try:\n    f()\nexcept (A, B):\n    g()\n' >two.py
notes=$(inspect weakening one.py two.py | query 'd["findings"], [n["kind"] for n in d["notes"]]')
check 'one more type in a handler is a note, not a finding' is "$notes" "([], ['catch-widened'])"

printf 'if x < 0:\n    raise V\n' >one.py
printf 'if x is not None and x < 0:\n    raise V\n' >two.py
notes=$(inspect weakening one.py two.py | query 'd["findings"], [n["kind"] for n in d["notes"]]')
check 'a raise for fewer values is one, too' is "$notes" "([], ['guard-narrowed'])"

# Each row: the text owed, the command line.
while IFS='|' read -r text line; do
	# shellcheck disable=SC2086 # the line is words
	refuses "refused: $line" 1 "$text" inspect $line
done <<ROWS
'colour' is not one of mutants, variants, weakening, outline|colour old.py
outline: no grammar for 'old.txt'|outline old.txt
outline: no grammar for 'cobol'|outline old.py --lang cobol
outline needs FILE|outline
unknown option '--color'|outline old.py --color
'--lines' needs a value|mutants old.py --lines
mutants needs FILE --lines FIRST-LAST --original FILE|mutants old.py
--lines: 'x' is not a number up to|mutants old.py --lines x-2 --original new.py
outline: open 'none.py': No such file|outline none.py
variants needs --lang LANGUAGE --input FILE --out FILE|variants --lang python
ROWS

# ---- JavaScript ----
echo '{"name": "shop", "main": "lib/index.js"}' >package.json
cat >lib/index.js <<'JS'
exports.total = function (list, options) {
    return list.map(function (x) { return x.length; }).concat([options && options.tax]);
};
JS
echo '{"call":{"module":"shop","export":"total","args":[[null,"b"],{"tax":{"$number":"Infinity"}}]}}' >in.json
many=$(inspect variants --lang javascript --input in.json --seed 1 --framework tape --module ../ --out test/v.cjs | query 'len(d["variants"])')
check 'there are 24 variants unless one says otherwise, and the input itself' is "$many" 25
SICKBAY_RESULTS_FD=5 node test/v.cjs 5>js.ndjson
check 'the Node.js harness reports each variant once' is "$(events js.ndjson '[rows[0]["n"], len({v["id"] for v in values}), rows[-1]["e"]]')" "[25, 25, 'end']"
check 'what is thrown has its type and the raw stack' is \
	"$(events js.ndjson 'all("lib/index.js" in v["stack"] for v in values if v["outcome"] == "throw") and values[0]["type"]')" TypeError
SICKBAY_RESULTS_FD=5 node test/v.cjs 5>again.ndjson
check 'the same value has the same digest' cmp js.ndjson again.ndjson

# ---- Python ----
printf 'def share(total, parts):\n    return {"each": total / parts, "all": [total]}\n' >bill.py
echo '{"call":{"module":"bill","export":"share","args":[10,0]}}' >in.json
inspect variants --lang python --input in.json --seed 1 --module bill --out test/v.py >answer.json
SICKBAY_RESULTS_FD=5 /usr/bin/python3 test/v.py 5>py.ndjson
check 'the Python harness reports each variant once' is "$(events py.ndjson '[rows[0]["n"] == len(values), rows[-1]["e"]]')" "[True, 'end']"
check 'values and exceptions of Python are told apart' is \
	"$(events py.ndjson 'sorted({v["outcome"] for v in values}), "ZeroDivisionError" in {v.get("type") for v in values}')" "(['throw', 'value'], True)"
check 'the harness is part of the answer' is "$(query 'd["harness"]["content"] == open("test/v.py").read()' <answer.json)" True

# ---- C ----
cat >box.h <<'C'
struct box;
struct box *box_new(const char *text);
int box_size(struct box *box, const char *other);
C
cat >box.c <<'C'
#include <stdlib.h>
#include <string.h>
#include "box.h"
struct box { size_t n; };
struct box *box_new(const char *text)
{
	struct box *b = malloc(sizeof(*b));
	b->n = text ? strlen(text) : 0;
	return b;
}
int box_size(struct box *box, const char *other) { return (int)box->n + (other ? 1 : 0); }
C
echo '{"script":[{"let":"b","module":"box.h","call":"box_new","args":["abc"]},{"call":"box_size","args":["$b","x"]}]}' >in.json
inspect variants --lang c --input in.json --seed 1 --framework c --module box.h --out test/v.c >answer.json
check 'the C harness compiles without a warning' cc -Wall -Werror -I. -o v test/v.c box.c
SICKBAY_RESULTS_FD=5 ./v 5>c.ndjson
check 'the C harness reports each variant, and goes on after a crash' is \
	"$(events c.ndjson 'rows[0]["n"] == len(values) and sorted({v.get("type", "") for v in values})')" "['', 'signal 11']"
done_testing
