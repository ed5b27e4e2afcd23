#!/bin/sh
# A registry behind TLS, by an authority of the operator's: whom the pull believes, and that it takes nothing from others.
# shellcheck source=tests/sh/lib.sh
. "$(dirname "$0")/../sh/lib.sh"
if ! command -v docker-registry >/dev/null || ! command -v zstd >/dev/null; then
	echo "1..0 # skip docker-registry or zstd is not installed"
	exit 0
fi
# a name that is not this host's loopback by its looks, for this test alone
if [ -z "${NAMED:-}" ]; then
	NAMED=1 exec unshare -m --propagation private sh "$0"
fi
# shellcheck source=tests/registry/registry.lib.sh
. "$(dirname "$0")/registry.lib.sh"
keys=$work
# shellcheck source=tests/sh/certificates.sh
. "$here/../sh/certificates.sh"
printf '127.0.0.1 localhost registry.example other.example\n' >"$work/hosts" &&
	mount --bind "$work/hosts" /etc/hosts || { echo "Bail out! no names"; exit 1; }
config() { # HOST [MORE]: the host configuration with this registry
	cat >"$work/sickbay.json" <<JSON
{ "version": 1, "state": "$state", "registries": [{ "host": "$1" ${2:-} }${3:+, }${3:-}] }
JSON
}
pull_with() { pull "$@" --config "$work/sickbay.json"; }
is_empty() { [ -z "$(find "$1" -mindepth 1 -print -quit 2>/dev/null)" ]; }
nothing_stored() { is_empty "$state/images/layers" && is_empty "$state/images/pulls" && is_empty "$state/images/names"; }
asked() { grep -c '"GET /v2/' "$work/$1.log"; } # of the registry's own log of requests
behind_tls() { # NAME AUTHORITY NAMES DAYS: the same images, behind a certificate; sets port
	certificate "$1" "$2" "$3" "$4" || { echo "Bail out! no certificate"; exit 1; }
	cp -r "$work/plain" "$work/$1"
	REGISTRY_HTTP_TLS_CERTIFICATE=$work/$1.pem REGISTRY_HTTP_TLS_KEY=$work/$1.key
	export REGISTRY_HTTP_TLS_CERTIFICATE REGISTRY_HTTP_TLS_KEY
	start_registry "$1"
}
authority ours && authority theirs || { echo "Bail out! no authority"; exit 1; }
start_registry plain
push_image "$port" team/base
behind_tls good ours DNS:registry.example,IP:127.0.0.1 2; good=$port at=registry.example:$port
behind_tls old ours DNS:registry.example -1; old=$port
behind_tls named ours DNS:other.example 2; named=$port
ours=", \"ca\": \"$work/ours.pem\""

# ---- who is not believed ----
advice="name its authority as \"ca\" of the host '$at' under \"registries\" in the host's configuration"
config "$at"
refuses "the system's authorities do not vouch for it" 1 "its certificate is not trusted (SSL certificate problem: unable to get local issuer certificate): $advice" \
	pull_with "$at/team/base:one"
config "$at" ", \"ca\": \"$work/theirs.pem\""
refuses "nor does another authority" 1 "its certificate is not trusted (SSL certificate problem: unable to get local issuer certificate): $advice" \
	pull_with "$at/team/base:one"
config "elsewhere.example" "$ours" "{ \"host\": \"$at\" }"
refuses "nor one that is another registry's" 1 "its certificate is not trusted" pull_with "$at/team/base:one"
config "registry.example:$old" "$ours"
refuses "a certificate that has expired is refused" 1 "its certificate is not valid (SSL certificate problem: certificate has expired): it has to be renewed" \
	pull_with "registry.example:$old/team/base:one"
config "registry.example:$named" "$ours"
refuses "so is one for another name" 1 "its certificate is not valid (SSL: no alternative certificate subject name matches target host name 'registry.example')" \
	pull_with "registry.example:$named/team/base:one"
config "$at" ", \"ca\": \"$work/none.pem\""
refuses "authorities that are not there are said so" 1 "'$work/none.pem' has no certificates that can be read" pull_with "$at/team/base:one"
config "$at" ", \"ca\": \"ours.pem\""
refuses "a file is named from the root" 1 "'ours.pem' is not an absolute path" pull_with "$at/team/base:one"
for one in good old named; do
	check "the registry '$one' was asked for nothing" [ "$(asked $one)" = 0 ]
done
check "nothing is stored of what was refused" nothing_stored
check "that something went out is in the log all the same" sh -c "'$sickbay' audit show --json --state '$state' | grep -q '\"registry.pull\"'"

# ---- who is ----
config "$at" "$ours"
check "an image is pulled from whom our authority vouches for" pull_with "$at/team/base:one" --name signed
check "it is the one that was pushed" sh -c "'$sickbay' image inspect signed --state '$state' | grep -qF '\"from\": \"$at/team/base@$(digest_of one)\"'"
check "the registry served its manifest, its configuration and its layers" [ "$(asked good)" = 5 ]
check "nothing is left of the pull" is_empty "$state/images/pulls"
forget signed
config "127.0.0.1:$good" "$ours"
check "with an authority of its own loopback is asked by TLS, too" pull_with "127.0.0.1:$good/team/base@$(digest_of one)" --name near
forget near
config "127.0.0.1:$old" "$ours"
refuses "and believed no more than others" 1 "its certificate is not valid" pull_with "127.0.0.1:$old/team/base:one"
done_testing
