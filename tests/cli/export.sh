#!/bin/sh
# shellcheck disable=SC2016 # programs of other shells
# A case proven to someone else: a small service is healed, the case exported, and the archive checked by a user without
# rights in a root that has nothing but the programs and their libraries.  Then one byte of each kind is changed.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/sh/lib.sh
top=$PWD
sickbay=${SICKBAY:-$top/build/sickbay}
programs=$(dirname "$sickbay")
python=/usr/bin/python3
work=$(mktemp -d "$top/build/export.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
state=$work/state
. "$top/tests/audit/toy.lib.sh"
check "a small service is ready" "$sickbay" service check service.json --state "$state"
check "it is healed" "$sickbay" heal --from node --service service.json --state "$state" --deploy deploy.json \
	--input input.json <report
id=$(ls "$state/cases")
check "its case is exported" "$sickbay" case export "$id" -o case.tar --state "$state"
[ -e case.tar ] || done_testing
check "again, to the same bytes" sh -c '"$1" case export "$2" --output again.tar --state "$3" && cmp case.tar again.tar' \
	sh "$sickbay" "$id" "$state"
check "the log says that it left" sh -c '"$1" audit show --json --state "$2" | grep -qF "\"type\":\"case.export\",\"of\":\"$3\""' \
	sh "$sickbay" "$state" "$id"
check "no raw data is in it" sh -c '! tar tf case.tar | grep -q ^raw/'
check "nor a value of production" sh -c '! grep -qa canary-b7731 case.tar'
check "the raw data is exported where that is asked for" "$sickbay" case export "$id" -o raw.tar --with-raw --state "$state"
check "that has the value" grep -qa canary-b7731 raw.tar
"$sickbay" audit key --state "$state" >key.pub
refuses "an export needs a file" 2 "case export needs '--output FILE'" "$sickbay" case export "$id" --state "$state"
refuses "a case that is not there is named" 1 "no case 'shop-9'" "$sickbay" case export shop-9 -o x.tar --state "$state"

# a machine that has nothing else: no /proc, no state directory, no root
root=$work/root libexec=/usr/local/libexec/sickbay
mkdir -p "$root/usr/local/bin" "$root$libexec" "$root/tmp" "$root/dev"
mknod -m 666 "$root/dev/null" c 1 3
cp "$sickbay" "$root/usr/local/bin/sickbay"
cp "$programs/sickbay-audit" "$programs/sickbay-decode" "$root$libexec"
for lib in $(ldd "$sickbay" "$programs/sickbay-audit" "$programs/sickbay-decode" | grep -o '/[^ :)]*\.so[^ :)]*' | sort -u); do
	mkdir -p "$root$(dirname "$lib")"
	cp -L "$lib" "$root$lib"
done
cp key.pub "$root/tmp"
chmod -R a+rX "$root"
chmod 755 "$work"
elsewhere() { chroot --userspec=65534:65534 "$root" /usr/local/bin/sickbay case verify "$@"; }
cp case.tar "$root/tmp"
chmod 644 "$root/tmp/case.tar"
check "without root, elsewhere, it holds" elsewhere /tmp/case.tar --key /tmp/key.pub
refuses "every part of it was checked" 0 "pr.md and fix.patch are, byte for byte, what the records give" \
	elsewhere /tmp/case.tar --key /tmp/key.pub
refuses "what it was made with is said" 0 "tree-sitter-javascript" elsewhere /tmp/case.tar --key /tmp/key.pub
refuses "without a key it says loudly what that is worth" 0 "NO KEY WAS GIVEN" elsewhere /tmp/case.tar
refuses "JSON says so too" 0 '"trust": "first-use"' elsewhere /tmp/case.tar --json
sed 's/+A\(.\)/+A\1/; s/^[^+]*/other/' key.pub >"$root/tmp/other.pub"
refuses "a key that is none is refused" 1 "cannot be read" elsewhere /tmp/case.tar --key /tmp/other.pub
mkdir other
"$sickbay" image list --state other >/dev/null 2>&1
"$sickbay" run --state other --image host -- true >/dev/null 2>&1
"$sickbay" audit key --state other >"$root/tmp/other.pub"
refuses "the key of another log is not the one" 3 "it is not signed by the key that was given" \
	elsewhere /tmp/case.tar --key /tmp/other.pub
cp raw.tar "$root/tmp"; chmod 644 "$root/tmp/raw.tar"
check "the one with raw data holds as well" elsewhere /tmp/raw.tar --key /tmp/key.pub
gzip -c case.tar >"$root/tmp/case.tar.gz"
check "it may travel compressed" elsewhere /tmp/case.tar.gz --key /tmp/key.pub

# one byte: edit FILE WORD [K] flips the lowest bit of the K-th byte from the place where WORD stands in FILE of the archive
edit() {
	"$python" -c '
import sys, tarfile
name, word, k = sys.argv[1], sys.argv[2].encode(), int(sys.argv[3])
data = bytearray(open("case.tar", "rb").read())
m = next(m for m in tarfile.open("case.tar") if m.name == name)
if word == b"HEADER": at = m.offset + k
elif word == b"PADDING": at = m.offset_data + m.size + k
else: at = data.index(word, m.offset_data, m.offset_data + m.size) + k
data[at] ^= 1
open(sys.argv[4], "wb").write(data)' "$1" "$2" "${3-0}" "$root/tmp/edited.tar"
}
named() { # named WHAT FILE WORD K TEXT: this byte is found, and the text names it
	edit "$2" "$3" "$4"
	refuses "$1 is named" 3 "$5" elsewhere /tmp/edited.tar --key /tmp/key.pub
}
for record in 1-incident 2-replica 3-match 4-patch 5-proof 6-pullreq 7-outcome; do
	named "a byte of $record.json" "records/$record.json" '"schema": "sickbay' 0 "FAILED records: $record.json: its SHA-256 is"
done
named "a broken record" records/4-patch.json '{' 0 "FAILED records: 4-patch.json:1:1: "
named "the chain" records/3-match.json '"prev": "sha256:' 16 "3-match.json: /prev: it names a record before it"
named "the ledger" records/ledger.ndjson '"what"' 1 "FAILED ledger: ledger.ndjson: the SHA-256 of its first"
for role in reproduce patch verify; do
	named "the policy of $role" "policies/$role.json" '"version"' 1 "FAILED policies: policies/$role.json: its digest is"
done
named "white space of a policy" policies/patch.json ' "' 0 "FAILED policies: policies/patch.json:"
named "a record of the log" audit/slice '"type":"replica.start"' 9 "is not in the log that was signed"
named "a record's proof" audit/slice '
end' -9 "FAILED log: audit/slice: does not hold: "
named "a record's number" audit/slice 'record ' 7 "FAILED log: audit/slice: "
named "the newest checkpoint" audit/slice 'checkpoint ' 20 "FAILED log: audit/slice: "
named "its signature" audit/slice 'earlier ' -9 "FAILED log: audit/slice: "
named "the key" audit/slice 'key ' 40 "FAILED log: audit/slice: "
named "the end of the slice" audit/slice 'end
' 0 "FAILED log: audit/slice: "
named "the text of the pull request" pr.md '## Proof' 3 "FAILED pull request: pr.md:"
named "the patch" fix.patch 'item?.length' 0 "FAILED pull request: fix.patch:"
named "the case's id" export.json "$id" 0 "it is of case '$id', expected '"
named "the archive's form" pr.md HEADER 146 "FAILED archive: "
named "what is between the files" pr.md PADDING 0 "FAILED archive: "
head -c 9000 case.tar >"$root/tmp/edited.tar"
refuses "an archive that was cut short is named" 3 "FAILED archive: " elsewhere /tmp/edited.tar
refuses "what is no archive is named" 3 "FAILED archive: " elsewhere /tmp/key.pub
refuses "a file that is not there is named" 1 "cannot open '/tmp/none'" elsewhere /tmp/none

# another build of the programs, whose words are others
patched=$root/usr/local/bin/patched
LC_ALL=C sed 's/## What else was tried/## What more was tried/' "$sickbay" >"$patched"
chmod 755 "$patched"
patched() { chroot --userspec=65534:65534 "$root" /usr/local/bin/patched case verify "$@"; }
refuses "an export that another build made is told from one that was changed" 0 \
	"pr.md is, by its SHA-256, the text that 6-pullreq.json names; another build of sickbay made it" patched /tmp/case.tar --key /tmp/key.pub
edit pr.md '## Proof' 3
refuses "a changed one is not taken for it" 3 "FAILED pull request: pr.md:" patched /tmp/edited.tar --key /tmp/key.pub

# the proof once more
again() { "$sickbay" case verify --key key.pub --re-run --service service.json "$@"; }
refuses "the proof is repeated in fresh replicas" 0 "ok     re-run: the proof was repeated in fresh replicas: " again case.tar --state "$state"
check "the log says so" sh -c '"$1" audit show --state "$2" | grep -q "case.rerun of=\"$3\""' sh "$sickbay" "$state" "$id"
check "nothing of it is left" [ -z "$(ls "$state/rerun/cases")" ]
check "the case exports to the same bytes as before" sh -c '"$1" case export "$2" --output again.tar --state "$3" && cmp case.tar again.tar' \
	sh "$sickbay" "$id" "$state"
refuses "another host lacks what production said" 1 "neither this host nor the archive has what production said" \
	again case.tar --state "$work/host"
refuses "with the raw data it is repeated there" 0 "ok     re-run: " again raw.tar --state "$work/host"
sed 's|"verify": *"preset:verify"||; s|"run": {|"policy": { "reproduce": "preset:reproduce", "patch": "preset:patch", "verify": "v.json" }, "run": {|' service.json >other.json
echo '{ "version": 1, "name": "v", "extends": ["preset:verify"] }' >v.json
refuses "another policy is named" 1 "this host has not the policy of verify of the case: sha256:" \
	"$sickbay" case verify case.tar --re-run --service other.json --state "$state"
refuses "a service is wanted" 2 "--re-run needs '--service NAME|FILE'" "$sickbay" case verify case.tar --re-run
refuses "without root there are no replicas" 1 "--re-run builds replicas: it needs root" elsewhere /tmp/case.tar --re-run --service x

# the files of an archive as they are, less or more of them
pack() { (cd "$work/files" && find . -type f | sed 's|^\./||' | LC_ALL=C sort | tar --format=ustar --owner=0 --group=0 --numeric-owner \
	--mtime="@$(stat -c %Y audit/slice)" --mode=644 -cf "$root/tmp/edited.tar" -T -); }
unpack() { rm -rf "$work/files" && mkdir "$work/files" && tar -C "$work/files" -xf case.tar; }
unpack; rm "$work/files/records/7-outcome.json"; pack
refuses "a record that was left out is named" 3 "7-outcome.json is missing: the log says that it was published" elsewhere /tmp/edited.tar
unpack; echo x >"$work/files/extra"; pack
refuses "a file too many is named" 3 "extra: no file of an export" elsewhere /tmp/edited.tar
unpack; mkdir "$work/files/raw"; echo x >"$work/files/raw/1"; pack
refuses "raw data that is not announced is named" 3 "raw data in an export that says it has none" elsewhere /tmp/edited.tar
done_testing
