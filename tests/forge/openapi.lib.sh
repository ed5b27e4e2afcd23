# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # used by the tests; those of who sources it
# Sourced: GitHub's published description of its API, from npm by its pinned hash, in $openapi.
openapi=$top/build/openapi/package/generated/api.github.com.json
fetch_openapi() {
	[ ! -s "$openapi" ] || return 0
	mkdir -p "$top/build/openapi"
	cd "$top/build/openapi" && npm pack --silent --ignore-scripts @octokit/openapi@23.0.2 >/dev/null &&
		echo "$(cat "$top/tests/forge/openapi.sha512")  octokit-openapi-23.0.2.tgz" | sha512sum --check --status &&
		tar -xzf octokit-openapi-23.0.2.tgz
}
# shellcheck source=tests/sh/fetch.sh
. "$top/tests/sh/fetch.sh"
alone openapi fetch_openapi || { echo "@octokit/openapi cannot be had" >&2; exit 1; }
