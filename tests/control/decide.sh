#!/bin/sh
# What people decide, what follows from it, and finding and counting by it.
# shellcheck disable=SC2016,SC2012,SC2317 # programs of other shells, plain names, functions that check calls
# shellcheck source=tests/sh/lib.sh
. "$(dirname "$0")/../sh/lib.sh"
# shellcheck source=tests/control/toy.lib.sh
. "$(dirname "$0")/toy.lib.sh"
trap 'rm -rf "$work"' EXIT
here=$(dirname "$0")
made() { /usr/bin/python3 "$here/cases.py" "$state" "$@"; }
decide() { kase decide "$@"; }
audited() { kase audit "$@"; }
ids() { kase list "$@" | sed 's/ .*//' | tr '\n' ' '; }
lists() { want=$1; shift; got=$(ids "$@"); [ "$got" = "$want" ] || { echo "$got"; return 1; }; } # WANT OPTION ...
figure() { # figure EXPRESSION: over the parsed `stats --json`
	"$sickbay" stats --state "$state" --json | /usr/bin/python3 -c 'import json, sys
j = json.load(sys.stdin)
print(eval(sys.argv[1]))' "$1"
}
says() { got=$(figure "$2"); [ "$got" = "$1" ] || { echo "$got"; return 1; }; } # WANT EXPRESSION

made shop-1-1
made shop-2-1 operator=null-default touched=lib/pricing.py,lib/x.py created=2026-11-01T10:00:00Z
made shop-3-1 outcome=no-fix author=command policy=strict fingerprint=sha256:3
made mail-1-1 service=mail
made mail-2-1 service=mail outcome=observed

refuses "a decision is one of a few words" 2 "'merge' is not a decision; did you mean 'merged'?" decide shop-1-1 merge
refuses "two operands are wanted" 2 "case decide wants a case id and a decision" decide shop-1-1
refuses "what was not proposed cannot be merged" 1 "case 'shop-3-1' ended as no-fix: nothing was proposed that could be merged" decide shop-3-1 merged
refuses "an audit says who looked" 2 "case audit wants --by-note TEXT" audited shop-1-1
refuses "what is not suppressed cannot be lifted" 1 "is not suppressed" decide shop-1-1 lifted

check "a proposal was merged" decide shop-1-1 merged --commit 0123abc
check "with the commit" prints '"commit":"0123abc"' cat "$state/cases/shop-1-1/decisions.ndjson"
check "it is in the log" logged '"type":"case.decide","case":"shop-1-1","decision":"merged"'
check "show says so" prints "decided   merged" kase show shop-1-1
check "another was reverted" decide shop-2-1 reverted --note "it broke invoices"
check "which takes the service a mode down" logged '"service":"shop"'
check "and stands in its record" grep -q 'shop-2-1 was reverted' "$state/services/shop/mode.json"
check "a third was edited" decide mail-1-1 merged-edited
check "and then happened again" decide mail-1-1 recurred
check "the later decision follows from the earlier one" sh -c '
	want=$(head -n 1 "$1" | tr -d "\n" | sha256sum | cut -d" " -f1)
	tail -n 1 "$1" | grep -qF "\"prev\":\"sha256:$want\""' sh "$state/cases/mail-1-1/decisions.ndjson"

check "something is expected" decide shop-3-1 expected-behaviour --note "by design"
check "which suppresses its fingerprint" [ "$(ls "$state/suppressed" | wc -l)" = 1 ]
check "until that is lifted" decide shop-3-1 lifted
check "then nothing is suppressed" [ "$(ls "$state/suppressed" | wc -l)" = 0 ]

check "a person looked in depth" audited shop-1-1 --by-note "read the evidence; ran the test by hand"
check "that stands in the case" prints "audited" kase show shop-1-1

check "cases are found by their service" lists "mail-1-1 mail-2-1 " --service mail
check "by how they ended" lists "shop-3-1 " --outcome no-fix
check "by the operator of their change" lists "shop-2-1 " --operator null-default
check "not by one that was only tried" lists "" --operator other
check "by who changed it" lists "shop-3-1 " --model command
check "by a policy's name" lists "shop-3-1 " --policy strict
check "or digest" lists "shop-3-1 " --policy "$(printf strict | sha256sum | cut -c1-12)"
check "by a file that they changed" lists "shop-2-1 " --touched lib/pricing.py
check "or a directory above it" lists "shop-2-1 " --touched lib/
check "not by the begin of a name" lists "" --touched lib/pri
check "by when they began" lists "mail-1-1 mail-2-1 shop-1-1 shop-3-1 " --since 2026-11-02
check "by several of these" lists "shop-1-1 " --operator null-guard --service shop
refuses "a date is a date" 2 "'tomorrow' is neither a date" kase list --since tomorrow
refuses "an outcome is one" 2 "'fixed' is not an outcome" kase list --outcome fixed

check "stats count" says 5 'j["all"]["cases"]'
check "how cases ended" says 3 'j["all"]["outcomes"]["proposed"]'
check "one proposal of three was right" says "1 3" '"%d %d" % (j["all"]["right"], j["all"]["judged"])'
check "by service" says "0.5 0.0" '"%s %s" % (j["by"]["service"]["shop"]["precision"], j["by"]["service"]["mail"]["precision"])'
check "by operator" says "0.0" 'j["by"]["operator"]["null-default"]["precision"]'
check "what is not judged has no precision" says None 'j["by"]["policy"]["strict"]["precision"]'
check "what it cost" says 10000000 'j["all"]["cpu_us"]'
check "as text, too" prints "right       1 of 3 (33 %)" "$sickbay" stats --state "$state"

sed -i 's/0123abc/0123abd/' "$state/cases/shop-1-1/decisions.ndjson"
refuses "a decision that was changed by hand is found" 1 "line 2 of decisions.ndjson does not follow from the one before it" kase show shop-1-1

done_testing
