# shellcheck shell=sh
# shellcheck disable=SC2034 # used by the tests
# Sourced by the tests here, beside tests/sh/lib.sh: the providers' official clients from npm, kept in build/sdk.
: "${top:?the directory of the sources}"
sdk=$top/tests/sdk
packages=$top/build/sdk
protocols="anthropic-messages openai-chat openai-responses google-generate"

# shellcheck source=tests/sh/fetch.sh
. "$top/tests/sh/fetch.sh"
fetch_sdk() { fetch_packages "$sdk" "$packages" && find_node20 || exit 1; }
verdicts() { # verdicts FILE LEAST: each line "ok NAME" or "bad NAME: why" is a test, and there are so many
	while read -r verdict text; do check "$text" test "$verdict" = ok; done <"$1"
	check "there are $2 at least" test "$(wc -l <"$1")" -ge "$2"
}
