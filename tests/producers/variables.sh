#!/bin/sh
# A service in Python whose reports hold no call: Debian's own Sentry SDK sends the variables of its frames as repr() writes them.
# The call is rebuilt from them, without what must not leave; what is not whole is named.  The SDK is unpacked, not installed.
# Needs root, and Debian's archive once.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top" || exit 1
. "$top/tests/sh/lib.sh"
work=$(mktemp -d "$top/build/producers-variables.XXXXXX")
dir=$work state=$work/state
. "$top/tests/intake/lib.sh"
trap 'stop_intake; rm -rf "$work"' EXIT
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 PYTHONDONTWRITEBYTECODE=1
sdk=$top/build/sentry-python
if ! [ -d "$sdk/usr" ]; then
	mkdir -p "$sdk/deb"
	set -- python3-sentry-sdk python3-urllib3 python3-certifi python3-six
	(cd "$sdk/deb" && apt-get download -qq "$@" >/dev/null 2>&1) ||
		{ apt-get update -qq >/dev/null 2>&1; (cd "$sdk/deb" && apt-get download -qq "$@" >/dev/null); } || exit 1
	for deb in "$sdk"/deb/*.deb; do dpkg-deb -x "$deb" "$sdk" || exit 1; done
fi

mkdir -p "$work/repo/tests" "$work/services"
cat >"$work/repo/cart.py" <<'END'
def total(items, rate, *more, note=None, **options):
    return sum(item["price"] for item in items) / rate


def mean(items):
    items = list(items)
    return sum(items) / len(items)


class Cart:
    def __init__(self, items):
        self.items = items

    def share(self, people):
        return len(self.items) / people
END
printf '%s\n' 'import unittest' '' 'import cart' '' '' 'class TestCart(unittest.TestCase):' '    def test_total(self):' \
	'        self.assertEqual(cart.total([], 1), 0)' >"$work/repo/tests/test_cart.py"
: >"$work/repo/tests/__init__.py"
git -c init.defaultBranch=main init -q "$work/repo"
git -C "$work/repo" add -A
git -C "$work/repo" -c user.name=t -c user.email=t@example.invalid commit -q -m one
r='"/usr/bin/python3", "-m", "sickbay_unittest"'
cat >"$work/services/shop.json" <<J
{ "version": 1, "name": "shop", "language": "python", "mode": "reproduce",
  "repository": { "url": "$work/repo", "target": "main" }, "image": { "production": "host" },
  "release": { "pattern": "^shop@([0-9a-f]{40})$", "ref": "\$1" },
  "paths": [{ "production": "$work/repo/", "repository": "" }],
  "tests": [{ "name": "tests", "format": "reporter", "command": [$r, "discover", "-t", ".", "-s", "tests"], "one": [$r, "@test"],
    "new_test": { "dir": "tests", "framework": "unittest", "module": "cart" } }],
  "proof": { "baseline": 1, "repeat": 2 },
  "run": { "cwd": "/srv/shop", "env": { "PYTHONPATH": "/opt/sickbay/reporters", "PYTHONDONTWRITEBYTECODE": "1" } } }
J
new_token shop
cat >"$work/config.json" <<J
{ "version": 1, "state": "$state", "services": "$work/services", "storm": { "fingerprints": 50 },
  "intake": { "listen": ["127.0.0.1:0"], "sources": [{ "name": "shop", "token_sha256": "$digest", "service": "shop" }] } }
J
check "the service is ready" "$sickbay" service check "$work/services/shop.json" --state "$state"
start_intake
cat >"$work/service.py" <<'END'
import sys

import sentry_sdk

dsn, release, root, call, variables = sys.argv[1:]
sys.path.insert(0, root)
import cart

sentry_sdk.init(dsn=dsn, release=release, with_locals=variables == "yes")
try:
    eval(call, {"cart": cart})
except Exception as e:
    sentry_sdk.capture_exception(e)
sentry_sdk.flush()
END
prints() { text=$1; shift; "$@" 2>&1 | grep -qF -e "$text"; } # TEXT COMMAND ...
reports() { # reports CALL [VARIABLES]: of which the SDK tells the intake
	PYTHONPATH=$sdk/usr/lib/python3/dist-packages /usr/bin/python3 "$work/service.py" "http://$token@127.0.0.1:$port/1" \
		"shop@$(git -C "$work/repo" rev-parse HEAD)" "$work/repo" "$1" "${2:-yes}" && digested
}
forget() { rm -rf "$state/cases" "$state/incidents" "$state/spool"; }
drain() { "$sickbay" worker --config "$work/config.json" --state "$state" --drain 2>"$work/worker.err"; }
breaks() { # breaks CALL: and is worked on; what was before is forgotten
	forget
	reports "$1" && drain
}
outcome() { sed -n 's/.*"outcome": "\([a-z-]*\)".*/\1/p' "$state"/cases/*/7-outcome.json | head -n 1; }
says() { grep -qF -e "$2" "$state"/cases/*/"$1" || { cat "$state"/cases/*/"$1"; return 1; }; } # FILE TEXT
reason() { prints "$1" "$sickbay" case show "$(ls "$state/cases")" --state "$state"; }

check "a function breaks, whose variables are whole" \
	breaks 'cart.total([{"price": 3, "name": "Jane canary-b7731"}], 0, "canary-b7732", note="it'"'"'s \"canary-b7733\"", card="canary-b7734")'
check "it is reproduced" [ "$(outcome)" = reproduced ]
check "by a call of that function" says test.patch "total("
check "which the record says to be rebuilt" says 3-match.json '"input_from": "rebuilt from the variables of the frame total() at cart.py:2"'
check "and what a person reads" says report.md "rebuilt from the variables of the frame total() at cart.py:2"
check "nothing of production's values is in it" sh -c "! grep -rq canary '$state'/cases"

check "a function breaks that gave its parameter another value" breaks 'cart.mean(())'
check "it is not reproduced, and the case says why" reason "mean() at cart.py:7: items had been given another value"
check "a method breaks" breaks 'cart.Cart([1]).share(0)'
check "nor is that" reason "share() at cart.py:15: is not exported"
check "a function breaks whose variables the SDK cut" breaks 'cart.total([{"price": n} for n in range(30)], 0)'
check "nor that: nothing is guessed" reason "total() at cart.py:2: items is not whole (the reporter cut it); have the service add the call to its reports"

forget
check "a failure is reported without variables" reports 'cart.total([], 0)' no
check "and once more with them" reports 'cart.total([], 0)'
check "it is taken up" drain
check "as one incident of two reports" sh -c "grep -h '\"reports\": 2' '$state'/incidents/*/group.json"
check "and the report that tells most is used" [ "$(outcome)" = reproduced ]
check "the log verifies" "$sickbay" audit verify --state "$state"
done_testing
