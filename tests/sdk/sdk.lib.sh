# shellcheck shell=sh
# shellcheck disable=SC2034 # used by the tests
# Sourced by the tests here, beside tests/sh/lib.sh: the providers' official clients from npm, by name, pinned by hash, kept
# in build/sdk.  No script of theirs is run.
: "${top:?the directory of the sources}"
sdk=$top/tests/sdk
packages=$top/build/sdk
protocols="anthropic-messages openai-chat openai-responses google-generate"

skip_all() { echo "1..0 # skip $1"; exit 0; }
fetch_sdk() {
	[ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] || skip_all "the clients need Node 20"
	cmp -s "$sdk/package-lock.json" "$packages/node_modules/.of" && return
	mkdir -p "$packages"
	cp "$sdk/package.json" "$sdk/package-lock.json" "$packages/"
	(cd "$packages" && npm ci --silent --ignore-scripts --no-audit --no-fund) >/dev/null 2>&1 ||
		skip_all "the clients cannot be fetched"
	cp "$sdk/package-lock.json" "$packages/node_modules/.of"
}
verdicts() { # verdicts FILE LEAST: each line "ok NAME" or "bad NAME: why" is a test, and there are so many
	while read -r verdict text; do check "$text" test "$verdict" = ok; done <"$1"
	check "there are $2 at least" test "$(wc -l <"$1")" -ge "$2"
}
