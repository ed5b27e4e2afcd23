#!/bin/sh
# Images from a real registry on loopback, without authentication; and what a registry, or what lies between, can do wrong.
# shellcheck source=tests/sh/lib.sh
. "$(dirname "$0")/../sh/lib.sh"
if ! command -v docker-registry >/dev/null || ! command -v zstd >/dev/null; then
	echo "1..0 # skip docker-registry or zstd is not installed"
	exit 0
fi
# shellcheck source=tests/registry/registry.lib.sh
. "$(dirname "$0")/registry.lib.sh"
holds() { [ "$(cat "$1")" = "$2" ]; } # FILE TEXT
hides() { [ "$(stat -c '%F %t %T' "$1")" = "character special file 0 0" ]; }
is_opaque() { [ "$(/usr/bin/python3 -c 'import os, sys; print(os.getxattr(sys.argv[1], "trusted.overlay.opaque").decode())' "$1")" = y ]; }
is_empty() { [ -z "$(find "$1" -mindepth 1 -print -quit 2>/dev/null)" ]; }
value() { /usr/bin/python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$1" "$2"; }
is() { [ "$1" = "$2" ] || { echo "got '$1', want '$2'"; return 1; }; }

cat >"$work/hello.c" <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(void)
{
	char line[64] = "";
	FILE *f = fopen("/etc/motd", "r");
	if (f && fgets(line, sizeof(line), f))
		printf("%s %s %s %s\n", line, getenv("MOTD"), access("/etc/gone", F_OK) ? "gone" : "there",
		       access("/usr/doc/old", F_OK) && !access("/usr/doc/new", F_OK) ? "new" : "old");
	return 0;
}
END
cc -static -o "$work/hello" "$work/hello.c" || { echo "Bail out! no compiler"; exit 1; }
RIG_STATIC=$work/hello; export RIG_STATIC
start_registry plain; real=$port at=127.0.0.1:$real
push_image "$real" team/base

# ---- references ----
while IFS='|' read -r ref text; do
	refuses "refused: $ref" 2 "$text" pull "$ref"
done <<END
base:one|'base:one' names no registry: write HOST/REPOSITORY:TAG or HOST/REPOSITORY@sha256:HEX
team/base:one|'team/base:one' names no registry
$at/team/base|names neither a tag nor a digest: add :TAG, or better @sha256:HEX
$at/team/base:|nothing stands after the last ':'
$at/Team/base:one|'Team/base' is no name of a repository
$at/team/base@sha256:12|'sha256:12' is no digest (sha256: and 64 hexadecimal digits)
$at/team/../base:one|'team/../base' is no name of a repository
127.0.0.1:port/base:one|'127.0.0.1:port' is no host of a registry
user@$at/team/base:one|names no registry
END

# ---- the whole way ----
check "a tag is pulled" pull "$at/team/base:one" --name base --json
pull "$at/team/base:one" --name again --json >"$work/again.json" 2>"$work/again.err"
check "nothing is shown of progress where nobody looks" [ ! -s "$work/again.err" ]
check "the tag's digest is printed" is "$(value "$work/again.json" digest)" "$(digest_of one)"
check "a layer that is there is not fetched again" is "$(value "$work/again.json" present)" 3
check "and is recorded with the image" is "$(inspect base | sed -n 's/.*"from": "\(.*\)",*/\1/p')" "$at/team/base@$(digest_of one)"
check "the gzip layer is there" holds "$(tree_of base 3)/etc/motd" hello
check "the zstd layer's whiteout hides the file" hides "$(tree_of base 2)/etc/gone"
check "its opaque directory hides what is below" is_opaque "$(tree_of base 2)/usr/doc"
check "the layer that is not compressed is there" [ -s "$(tree_of base 1)/var/noise" ]
check "nothing is left of the pull" is_empty "$state/images/pulls"
check "a replica runs from what was pulled" is "$("$sickbay" run --image base --state "$state" -- /bin/hello 2>&1)" "hello up gone new"
refuses "a name that is taken is refused" 1 "image 'base' is there already; remove it first" pull "$at/team/base:one" --name base
refuses "so is one that cannot be one" 1 "cannot name an image" pull "$at/team/base:one" --name 'Not good'
logged >"$work/log"
pulled=$(sed -n '/"registry.pull"/=' "$work/log" | head -n 1)
imported=$(sed -n '/"image.import"/=' "$work/log" | head -n 1)
check "that it goes out is in the log first, what came after that" [ "$pulled" -lt "$imported" ]
check "with the digest of each layer" grep -q "image.import.*$(digest_of layer)" "$work/log"

forget base; forget again
check "an index is followed to this platform's image" pull "$at/team/base:index" --name by-index
check "and the index is what is recorded" is "$(inspect by-index | sed -n 's/.*"from": ".*@\(.*\)",*/\1/p')" "$(digest_of index)"
check "beside the image's own manifest" is "$(inspect by-index | sed -n 's/.*"digest": "\(.*\)",*/\1/p')" "$(digest_of one)"
forget by-index
check "docker's list is, too" pull "$at/team/base:list" --name by-list
forget by-list
check "so is docker's own manifest" pull "$at/team/base:docker" --name docker
forget docker
check "an image is pulled by its digest" pull "$at/team/base@$(digest_of one)"
check "and gets the name of its repository's last part" inspect base
forget base

# ---- what a registry says no to ----
refuses "an unknown tag is said so" 1 "the registry has no manifest 'nope' in 'team/base' (404 MANIFEST_UNKNOWN): look at the name and tag" pull "$at/team/base:nope"
refuses "an unknown repository, too" 1 "the registry has no manifest 'one' in 'team/other' (404" pull "$at/team/other:one"
refuses "an index without this platform is said so" 1 "the index holds 2 images, 0 of them for linux/" pull "$at/team/base:foreign"
refuses "so is an image of another platform" 1 "the image is for linux/s390x, this host is linux/" pull "$at/team/base:other"
refuses "a registry that is not there is said so" 1 "the connection failed" pull 127.0.0.1:1/team/base:one
check "nothing is left of what was refused" is_empty "$state/images/layers"

# ---- what lies between ----
spoiled() { # NAME MODE: the address of a server that spoils what the registry says
	serve "$1" between "$at" "$2" "$work/$1.log"; between=127.0.0.1:$port
}
spoiled cut cut
check "a layer that is cut off again and again is continued" pull "$between/team/base:one" --name cut
check "each time from where it stood" grep -q 'range=bytes=300000-' "$work/cut.log"
forget cut
spoiled none no-range
check "a server that knows no ranges sends all of it again" pull "$between/team/base:one" --name none
forget none
spoiled range wrong-range
refuses "bytes of another range are refused" 1 "it sent 'bytes 0-99/" pull "$between/team/base:one"
spoiled tamper tamper
refuses "a layer that was changed is refused" 1 "changed it" pull "$between/team/base:one"
check "and not kept" is_empty "$state/images/pulls"
spoiled manifest tamper-manifest
refuses "so is a manifest" 1 "changed it" pull "$between/team/base@$(digest_of one)"
refuses "also where only the registry said its digest" 1 "but was announced as sha256:" pull "$between/team/base:one"
spoiled longer longer
refuses "a layer that is longer than stated is refused" 1 "bytes long, not" pull "$between/team/base:one"
spoiled huge huge
refuses "a layer of 10 GB is refused before a byte of it" 1 "its layers take more than the 8192 MiB that this host lets one image take: raise \"image\" of the host" pull "$between/team/base:one"
check "indeed before" sh -c "! grep -q '$(digest_of layer)' '$work/huge.log'"
spoiled endless endless
refuses "a manifest without end is refused" 1 "it is 5242882 bytes long, and at most 4194304 are taken" pull "$between/team/base:one"
spoiled busy busy
check "429 with Retry-After is waited for" pull "$between/team/base:docker" --name busy
forget busy
spoiled closed closed
refuses "but not for an hour" 1 "it answered 429, and to come back after 3600 seconds: pull again then" pull "$between/team/base:one"

# ---- a pull that was interrupted ----
spoiled always cut-always
refuses "a line that does not come back ends the pull" 1 "what was fetched is kept: pull again later" pull "$between/team/base:one"
check "what came is kept" [ "$(find "$state/images/pulls" -name "$(digest_of layer | cut -d: -f2)" -size 300000c | wc -l)" = 1 ]
serve after between "$at" cut "$work/after.log"
check "the next pull continues it" pull "127.0.0.1:$port/team/base:one" --name resumed
check "with the bytes that are missing" sh -c "grep '$(digest_of layer)' '$work/after.log' | head -n 1 | grep -q 'range=bytes=300000-'"
forget resumed
spoiled slow slow
"$sickbay" image pull "$between/team/base:one" --name survived --state "$state" >"$work/survived" 2>&1 &
pulling=$!
started="$started $pulling"
tries=0
while [ -z "$(find "$state/images/pulls" -name "$(digest_of layer | cut -d: -f2)" -size +200k 2>/dev/null)" ] && [ $tries -lt 200 ]; do
	tries=$((tries + 1)); sleep 0.1
done
for one in $(cat "/proc/$pulling/task/$pulling/children"); do
	if [ "$(cat "/proc/$one/comm")" = sickbay-broker ]; then kill -9 "$one"; fi
done
wait "$pulling"
ended=$?
check "a broker that is killed within a layer is started again" [ "$ended" = 0 ]
check "which is said" grep -q 'sickbay-broker ended; it is started again' "$work/survived"
check "and goes on where the other one stood" grep -q 'range=bytes=[1-9]' "$work/slow.log"
forget survived
mkdir -p "$state/images/pulls/left/blobs"
check "gc knows what nobody continued" sh -c "'$sickbay' gc --age 1ms --state '$state' | grep -q 'interrupted pull.*images/pulls/left'"
check "and removes it" is_empty "$state/images/pulls"

# ---- redirects ----
spoiled elsewhere elsewhere; RIG_TO=http://$between; export RIG_TO
spoiled redirect redirect
check "a blob is fetched from where the registry sends us" pull "$between/team/base:one" --name redirected
check "without a credential" sh -c "grep -q 'auth=None' '$work/elsewhere.log' && ! grep -v 'auth=None' '$work/elsewhere.log'"
forget redirected
RIG_TO=http://192.0.2.1
spoiled plain-away redirect
refuses "a redirect to plain http elsewhere is refused" 1 "it redirects: 'http://192.0.2.1/elsewhere/" pull "$between/team/base:one"
RIG_TO=file://
spoiled to-file redirect
refuses "so is one to a file" 1 "it redirects" pull "$between/team/base:one"
check "nothing is left of all that" is_empty "$state/images/pulls"
done_testing
