#!/bin/sh
# A report that names no commit: the labels of the image that production ran say which one it was, checked against the
# release; what they do not say, or say wrong, is not guessed.  Needs root: replicas.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top" || exit 1
. "$top/tests/sh/lib.sh"
sickbay=${SICKBAY:-$top/build/sickbay}
case $sickbay in /*) ;; *) sickbay=$PWD/$sickbay ;; esac
work=$(mktemp -d "$top/build/label.XXXXXX")
state=$work/state
trap 'rm -rf "$work"' EXIT
. "$top/tests/audit/toy.lib.sh"
full=$(git -C repo rev-parse HEAD)
tree=$(git -C repo rev-parse 'HEAD^{tree}')
echo later >>repo/README.md
git -C repo -c user.name=t -c user.email=t@example.invalid commit -q -a -m two

# an image that can run the suite, and ones of nothing but a label
mkdir -p node/usr/bin small/etc
. "$top/tests/sh/fetch.sh"
fetch_node20 || exit 1
for f in $(ldd "$node20" | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p; s/^[[:space:]]*\(\/lib64[^ ]*\).*/\1/p'); do
	mkdir -p "node$(dirname "$f")"
	cp -L "$f" "node$f"
done
cp "$node20" node/usr/bin/node
echo small >small/etc/motd
image() { # image NAME TREE LABELS: built, and imported
	/usr/bin/python3 "$top/tests/cli/image-archives.py" "$work/$1.tar" "$work/$2" "$3" &&
		"$sickbay" image import "$work/$1.tar" --name "$1" --state "$state" >/dev/null
	rm -rf "$work/$1.tar" "$work/$1.tar.parts"
}
revision='"org.opencontainers.image.revision"' version='"org.opencontainers.image.version"'
check "an image of production is imported" image labelled node "{ $revision: \"$full\", $version: \"2.0.1\" }"
check "what it was built from is shown" sh -c "'$sickbay' image inspect labelled --state '$state' | grep -q '\"revision\": \"$full\"'"
check "the older label will do" image older small "{ \"org.label-schema.vcs-ref\": \"$full\", \"org.label-schema.version\": \"7\" }"
check "it is shown, too" sh -c "'$sickbay' image inspect older --state '$state' | grep -q '\"revision\": \"$full\"'"
long=$(printf '%0300d' 0)
check "labels that cannot be shown refuse no image" image odd small "{ $revision: \"$long\", $version: \"a\\nb\", \"other\": \"x\" }"
check "and are left out" sh -c "! '$sickbay' image inspect odd --state '$state' | grep -qE '\"(revision|version)\"'"
check "nor do labels that are none" image none small 'null'
check "nor ones of another kind" image list small "{ $revision: [1] }"
image short small "{ $revision: \"$(echo "$full" | cut -c1-12)\" }"
image absent small "{ $revision: \"$(printf '%040d' 7)\" }"
image tree small "{ $revision: \"$tree\" }"
digest() { "$sickbay" image inspect "$1" --state "$state" | sed -n 's/^  "digest": "\(.*\)",*/\1/p'; }

service() { # service IMAGE: the service's file, that only reproduces
	sed -e 's|"mode": "propose"|"mode": "reproduce"|' -e "s|\"production\": \"host\"|\"production\": \"$1\"|" service.json >"service-$1.json"
}
prints() { text=$1; shift; "$@" 2>&1 | grep -qF -e "$text"; } # TEXT COMMAND ...
heal() { # heal IMAGE DEPLOY
	service "$1"
	echo "$2" >deploy-one.json
	"$sickbay" heal --from node --service "service-$1.json" --state "$state" --deploy deploy-one.json --input input.json <report
}
newest() { find "$state/cases" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -V | tail -n 1; }
says() { grep -qF -e "$2" "$state/cases/$(newest)/$1"; } # RECORD TEXT

service labelled
check "the service is ready" "$sickbay" service check service-labelled.json --state "$state"
check "a report without a commit is reproduced by the label of the service's image" heal labelled '{}'
check "at the label's commit" says 2-replica.json "\"base\": \"$full\""
check "which the record says" says 2-replica.json '"commit_from": "image-label"'
check "and how" says 2-replica.json "by the label org.opencontainers.image.revision of the image 'labelled', the service's; the report names no image"
check "as does what a person reads" says report.md "by the label org.opencontainers.image.revision"
check "and who asks for the case" prints ", known by the label org.opencontainers.image.revision of the image 'labelled'" "$sickbay" case show "$(newest)" --state "$state"
check "a release is compared with the image's version" heal labelled '{"release":"shop@v2.0.1"}'
check "which is said" says 2-replica.json "; its version is the report's release"
check "a report that names an image by its digest is of that one" heal host "{\"image\":\"registry.example/shop@$(digest labelled)\",\"release\":\"2.0.1\"}"
check "which is said, too" says 2-replica.json ", which the report names by its digest"
check "a release that ends in a commit needs no pattern" heal host "{\"release\":\"shop@$full\"}"
check "which is said, and at that commit" says 2-replica.json "by the report's release, which ends in the commit in full"
check "a commit that the report states comes before" heal labelled "{\"commit\":\"$full\",\"release\":\"9\"}"
check "and is said to be stated" says 2-replica.json '"commit_from": "report"'

while IFS='|' read -r what with deploy text; do
	refuses "$what" 3 "$text" heal "$with" "$deploy"
done <<END
another release than the image's version is not that image's|labelled|{"release":"shop@3.0.0"}|the report's release is not the version that the labels of the image 'labelled' give: production ran another image
an image without labels says no commit|odd|{}|the image 'odd' has no label org.opencontainers.image.revision
neither does the host itself|host|{}|the image 'host' has no label org.opencontainers.image.revision
a part of a commit's name is none|short|{}|the label org.opencontainers.image.revision of the image 'short' is no commit in full
an image that is not here cannot be asked|labelled|{"image":"sha256:$(printf '%064d' 1)"}|no image here is sha256:$(printf '%064d' 1), which the report names
nor one that is named by a tag|labelled|{"image":"shop:latest"}|the report names an image, but not by its digest
END
check "the case says what is missing" prints "which commit production ran is not known: the report states none" "$sickbay" case show "$(newest)" --state "$state"
refuses "a commit that the repository does not have is an error" 1 "the commit is known by the label org.opencontainers.image.revision of the image 'absent'" heal absent '{}'
"$sickbay" case cancel "$(newest)" --state "$state" >/dev/null
refuses "nor is a tree a commit" 1 "is not in repository" heal tree '{}'
check "the log verifies" "$sickbay" audit verify --state "$state"
done_testing
