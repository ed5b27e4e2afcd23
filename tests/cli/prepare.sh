#!/bin/sh
# Toolchain layers, as an operator meets them.  Fetches one small npm package and one small Debian package by name.
. "$(dirname "$0")/../sh/lib.sh"
sickbay=${SICKBAY:-build/sickbay}
case $sickbay in /*) ;; *) sickbay=$PWD/$sickbay ;; esac
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
state=$dir/state
cd "$dir" || exit 1

prepare() { "$sickbay" image prepare "$1" --state "$state"; }
recipe() { cat >"$dir/$1"; }                                  # FILE, from standard input
made() { echo "$state/images/layers/$(cat "$dir/id")"; }      # the layer of the last good prepare
kept() { prepare "$1" >"$dir/id"; }                           # RECIPE
same() { before=$(cat "$dir/id"); kept "$1" && [ "$before" = "$(cat "$dir/id")" ]; }
holds() { [ "$(cat "$(made)/$1")" = "$2" ]; }                 # PATH TEXT
owned() { [ "$(stat -c %u:%g "$(made)/$1")" = "$2" ]; }       # PATH UID:GID
offline() { unshare -n "$sickbay" image prepare "$1" --state "$state" >"$dir/id"; }

# ---- files and build: nothing is fetched ----
echo data >data.txt
echo '{"name":"files","files":[{"from":"data.txt","to":"/opt/x/data"},{"from":"data.txt","to":"/opt/x/run","executable":true}]}' |
	recipe files.json
check "files are put into a layer" kept files.json
check "with their content" holds opt/x/data data
check "and the mode that was asked for" [ "$(stat -c %a "$(made)/opt/x/run")" = 755 ]
check "the same recipe is the same layer" same files.json
echo other >data.txt
check "another content is another layer" sh -c "[ \"\$('$sickbay' image prepare files.json --state '$state')\" != \"$(cat id)\" ]"

recipe build.json <<'EOF'
{
	"name": "build",
	"files": [{ "from": "data.txt", "to": "/opt/in/data" }],
	// it sees the file, writes beside, and has no network to use
	"build": { "run": ["sh", "-ec", "tr a-z A-Z <../in/data >out; ls /sys/class/net >net; id -u >uid; echo x >/tmp/gone"],
		   "cwd": "/opt/out" },
}
EOF
check "a command runs in a replica" kept build.json
check "on top of the files" holds opt/out/out OTHER
check "as an ordinary user" holds opt/out/uid 1000
check "whose files keep their owner" owned opt/out/out 1000:1000
check "with loopback and nothing else" holds opt/out/net lo
check "what it left in /tmp is not kept" [ ! -e "$(made)/tmp" ]
echo '{"name":"fails","build":{"run":["sh","-c","echo no such thing >&2; exit 3"],"cwd":"/opt/out"}}' | recipe fails.json
refuses "a failing command is reported with its words" 1 "recipe 'fails': build: exited (status 3): no such thing" prepare fails.json

echo '{"name":"mv","files":[{"from":"data.txt","to":"/opt/out/d/f"}],"build":{"run":["mv","d","e"],"cwd":"/opt/out"}}' | recipe mv.json
refuses "a renamed directory of a layer is refused, not lost" 1 "a directory of a layer below was renamed" prepare mv.json
echo '{"name":"rm","files":[{"from":"data.txt","to":"/opt/out/f"}],"build":{"run":["sh","-ec","rm -f f; rm -rf d; mkdir d"],"cwd":"/opt/out"}}' | recipe rm.json
check "what a command removes is gone" kept rm.json
check "for good" [ ! -s "$(made)/opt/out/f" ]

# ---- mistakes ----
echo '{"name":"x","npmm":{}}' | recipe typo.json
refuses "an unknown member is named" 1 'typo.json:1:13: unknown key "npmm"; did you mean "npm"?' prepare typo.json
echo '{"name":"x","files":[{"from":"none","to":"/x"}]}' | recipe missing.json
refuses "a missing file is named" 1 "recipe 'x': 'none': No such file or directory" prepare missing.json
refuses "a missing recipe is named" 1 "none.json" prepare none.json
echo '{"name":"x","image":"none","files":[]}' | recipe image.json
refuses "an empty recipe is refused" 1 "image.json:1:1: want 'npm', 'debian', 'files' or 'build'" prepare image.json

# ---- npm ----
echo '{"name":"tiny","version":"1.0.0","private":true,"dependencies":{"isarray":"2.0.5"}}' >package.json
lock() { # lock FILE PACKAGE-MEMBERS
	cat >"$1" <<EOF
{ "name": "tiny", "version": "1.0.0", "lockfileVersion": 3, "requires": true,
  "packages": {
    "": { "name": "tiny", "version": "1.0.0", "dependencies": { "isarray": "2.0.5" } },
    "node_modules/isarray": { $2 } } }
EOF
}
sum=sha512-xHjhDr3cNBK0BzdUJSPXZntQUx/mwMS5Rw4A7lPJ90XGAO6ISP/ePDNuo0vhqOZU+UD5JoodwCAAoZQd3FeAKw==
npm_recipe() { echo "{\"name\":\"tiny\",\"npm\":{\"lock\":\"$1\",\"manifest\":\"package.json\"}}" | recipe npm.json; }
while IFS='|' read -r members text; do
	lock bad-lock.json "$members"
	npm_recipe bad-lock.json
	refuses "a lock is refused: $text" 1 "bad-lock.json: 'node_modules/isarray': $text" prepare npm.json
done <<EOF
"version": "2.0.5"|has no 'integrity' with sha256 or better
"version": "2.0.5", "integrity": "sha1-AAAA"|has no 'integrity' with sha256 or better
"integrity": "$sum"|has no version
"version": "2.0.5", "integrity": "$sum", "resolved": "git+ssh://x/y"|comes from a repository or a file
"version": "2.0.5", "integrity": "$sum", "resolved": "file:../y"|comes from a repository or a file
"resolved": "y", "link": true|is a link to a folder
EOF
echo '{"lockfileVersion":1,"dependencies":{}}' >old-lock.json
npm_recipe old-lock.json
refuses "an old lock is refused" 1 "want a lock file of version 2 or 3" prepare npm.json

lock package-lock.json "\"version\": \"2.0.5\", \"integrity\": \"$sum\""
npm_recipe package-lock.json
check "packages are fetched by name from npm" kept npm.json
check "into node_modules" [ -s "$(made)/app/node_modules/isarray/package.json" ]
check "which belong to the replica's user" owned app/node_modules/isarray/index.js 1000:1000
check "a second run has the layer already" offline npm.json
"$sickbay" image remove "$(cat id)" --state "$state"
check "a removed layer is gone" [ ! -e "$(made)" ]
check "and is made again from the cache, without network" offline npm.json
lock package-lock.json "\"version\": \"2.0.5\", \"integrity\": \"sha512-AAAAAr3cNBK0BzdUJSPXZntQUx/mwMS5Rw4A7lPJ90XGAO6ISP/ePDNuo0vhqOZU+UD5JoodwCAAoZQd3FeAKw==\""
refuses "content that is not what the lock says is refused" 1 "code EINTEGRITY" prepare npm.json

# ---- Debian ----
echo '{"name":"deb","debian":{"packages":["hello"]}}' | recipe deb.json
check "a Debian package is downloaded and extracted" kept deb.json
check "its program is there" [ -x "$(made)/opt/toolchain/usr/bin/hello" ]
"$sickbay" image inspect "$(cat id)" --state "$state" >record
check "its version and digest are recorded" grep -Eq '"sha256": "[0-9a-f]{64}"' record
check "its name too" grep -q '"name": "hello"' record
echo '{"name":"deb","debian":{"packages":["hello"],"sha256":{"hello":"'"$(printf '%064d' 0)"'"}}}' | recipe pin.json
refuses "another content than pinned is refused" 1 "but the recipe pins 0000" prepare pin.json
echo '{"name":"deb","debian":{"packages":["no-such-package-at-all"]}}' | recipe unknown.json
refuses "an unknown package is reported in apt's words" 1 "no-such-package-at-all" prepare unknown.json
echo '{"name":"deb","debian":{"packages":["-oDebug=1"]}}' | recipe option.json
refuses "an option is not a package" 1 "'-oDebug=1' is not NAME or NAME=VERSION" prepare option.json

check "prepared layers are listed" sh -c "'$sickbay' image list --state '$state' | grep -q '^deb .*prepared for host'"
check "no draft is left" sh -c "! find '$state/images/layers' -maxdepth 1 -name '.draft*' | grep -q ."
done_testing
