# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # used by the tests; those of who sources it
# Sourced: GitHub's published description of its API, from npm by its pinned hash, in $openapi.
openapi=$top/build/openapi/package/generated/api.github.com.json
if ! [ -s "$openapi" ]; then
	mkdir -p "$top/build/openapi"
	(cd "$top/build/openapi" && npm pack --silent --ignore-scripts @octokit/openapi@23.0.2 >/dev/null &&
		echo "$(cat "$top/tests/forge/openapi.sha512")  octokit-openapi-23.0.2.tgz" | sha512sum --check --status &&
		tar -xzf octokit-openapi-23.0.2.tgz) || { echo "@octokit/openapi cannot be had" >&2; exit 1; }
fi
