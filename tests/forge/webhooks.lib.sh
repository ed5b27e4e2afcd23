# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # used by the tests; those of who sources it
# Sourced: payloads of GitHub's webhooks as they were sent, from npm by their pinned hash, in $examples.
examples=$top/build/webhooks/package/api.github.com/index.json
if ! [ -s "$examples" ]; then
	mkdir -p "$top/build/webhooks"
	(cd "$top/build/webhooks" && npm pack --silent --ignore-scripts @octokit/webhooks-examples@7.6.1 >/dev/null &&
		echo "$(cat "$top/tests/forge/webhooks.sha512")  octokit-webhooks-examples-7.6.1.tgz" | sha512sum --check --status &&
		tar -xzf octokit-webhooks-examples-7.6.1.tgz) || { echo "@octokit/webhooks-examples cannot be had" >&2; exit 1; }
fi
