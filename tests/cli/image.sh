#!/bin/sh
# The image command, as an operator meets it.  Needs root: layers keep their owners.
. "$(dirname "$0")/../sh/lib.sh"
here=$(dirname "$0")
sickbay=${SICKBAY:-build/sickbay}
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
state=$dir/state arch=$dir/archives
mkdir "$arch"
/usr/bin/python3 "$here/image-archives.py" "$arch" || { echo "Bail out! no archives"; exit 1; }

image() { command=$1; shift; "$sickbay" image "$command" "$@" --state "$state"; }
layer_of() { image inspect "$1" | sed -n '/"layers"/,/\]/s/.*"\(sha256-[0-9a-f]*\)".*/\1/p' | sed -n "${2:-1}p"; } # NAME [nth from the top]
tree_of() { echo "$state/images/layers/$(layer_of "$@")"; }
nothing_left() { # no layer, no draft, no record of a refused import
	[ -z "$(find "$state/images/layers" "$state/images/names" -mindepth 1 -print -quit)" ]
}
absent() { [ ! -e "$1" ] && [ ! -L "$1" ]; }
holds() { [ "$(cat "$1")" = "$2" ]; } # FILE TEXT
hides() { [ "$(stat -c '%F %t %T' "$1")" = "character special file 0 0" ]; }
is_opaque() { [ "$(/usr/bin/python3 -c 'import os, sys; print(os.getxattr(sys.argv[1], "trusted.overlay.opaque").decode())' "$1")" = y ]; }
listing() { (cd "$1" && find . -mindepth 1 \( -type d -printf '%P d %m %U:%G\n' -o -type l -printf '%P l %l %U:%G\n' \
	-o -printf '%P %y %m %U:%G %s %T@ %n\n' \) | sort); }

# Each row: archive, the text owed to the operator.
while IFS='|' read -r file text; do
	refuses "refused: $file" 1 "$text" image import "$arch/$file" --name hostile
done <<EOF
dotdot.tar|dotdot.tar: entry '../escape': '..' would leave the layer
dotdot-inside.tar|entry 'a/../../escape': '..' would leave the layer
absolute.tar|entry '/escape': want a path relative to the layer
through-link.tar|entry 'out/sickbay-escape': 'out' on its way is not a directory of the layer
through-dotdot-link.tar|entry 'up/escape': 'up' on its way is not a directory of the layer
hardlink-outside.tar|entry 'h': hard link to '../../../../etc/passwd': '..' would leave the layer
hardlink-absolute.tar|entry 'h': hard link to '/etc/passwd': want a path relative to the layer
hardlink-through-link.tar|entry 'h': hard link to 'e/passwd', which the layer does not have
char.tar|entry 'dev/null': a char entry; images may not hold any
block.tar|entry 'dev/sda': a block entry; images may not hold any
fifo.tar|entry 'pipe': a fifo entry; images may not hold any
uid.tar|entry 'f': owner 65536:0 is not within 0..65535
gid.tar|entry 'f': owner 0:4000000000 is not within 0..65535
negative-uid.tar|entry 'f': owner -1:0 is not within 0..65535
file-over-dir.tar|entry 'd': there is a directory of this name already
long-name.tar|a component is too long
deep.tar|deeper than 128 directories
whiteout-dotdot.tar|entry 'a/..': '..' would leave the layer
whiteout-odd.tar|entry 'a/.wh..wh.plnk': a whiteout of a kind that images may not hold
truncated.tar|truncated.tar: 'big': Truncated tar archive
truncated.tar.gz|truncated gzip input
garbage.tar|garbage.tar: not a tar archive
empty.tar|empty.tar: not an archive
not-utf8.tar|an entry's name or link is not UTF-8
oci-blob|its content is sha256:
oci-diff|but the configuration names sha256:0000000000
oci-link|'sha256:../../../../etc/passwd' is not a sha256 digest
oci-json|index.json:3:12: duplicate object key
oci-arch|the image is for linux/s390x, this host is linux/
oci-none|the index holds 2 images, 0 of them for linux/
none.tar|No such file or directory
EOF
check "no file was written outside" absent /tmp/sickbay-escape
check "nothing is left of what was refused" nothing_left

check "a tar is imported" image import "$arch/benign.tar" --name plain
mkdir "$dir/oracle" && tar -C "$dir/oracle" --same-owner -xpf "$arch/benign.tar" && chmod u-s "$dir/oracle/etc/keep"
listing "$dir/oracle" >"$dir/want"; listing "$(tree_of plain)" >"$dir/got"
check "its tree is that of GNU tar, but for set-id bits" diff "$dir/want" "$dir/got"
check "contents too" diff -r --no-dereference "$dir/oracle" "$(tree_of plain)"
check "the same tar compressed is imported" image import "$arch/benign.tar.xz" --name packed
check "and is the same layer" [ "$(layer_of plain)" = "$(layer_of packed)" ]
check "a directory is imported" image import "$dir/oracle" --name tree
check "with the same contents" diff -r --no-dereference "$dir/oracle" "$(tree_of tree)"
mkdir "$dir/odd" && mkfifo "$dir/odd/pipe"
refuses "a directory with a pipe is refused" 1 "'pipe': a named pipe; images may not hold any" image import "$dir/odd" --name odd
rm "$dir/odd/pipe"; echo x >"$dir/odd/f"; chown 70000 "$dir/odd/f"
refuses "a directory with an owner above 65535 is refused" 1 "'f': owner 70000:0 is above 65535" image import "$dir/odd" --name odd

for kind in oci oci.tar oci-two docker docker.tar docker-links docker-links.tar; do
	check "$kind is imported" image import "$arch/$kind" --name "layout-$kind"
	up=$(tree_of "layout-$kind" 1) low=$(tree_of "layout-$kind" 2)
	check "$kind: the lower layer has the file" holds "$low/etc/motd" hello
	check "$kind: the upper layer hides it" hides "$up/etc/motd"
	check "$kind: an opaque directory is marked" is_opaque "$up/var/cache"
	check "$kind: and holds the new file" holds "$up/var/cache/new" new
done
for want in '"PATH=/usr/bin"' '"MODE=production"' '"user": "1000:1000"' '"cwd": "/srv"' '"/usr/bin/tool"' '"--serve"'; do
	check "the configuration gives $want" sh -c "'$sickbay' image inspect layout-oci --state '$state' | grep -qF -e '$want'"
done

refuses "a name is taken once" 1 "image 'plain' is there already; remove it first" image import "$arch/benign.tar" --name plain
refuses "'host' is built in" 1 "the image 'host' is built in" image import "$arch/benign.tar" --name host
refuses "an unsafe name is refused" 1 "'../x' cannot name an image" image import "$arch/benign.tar" --name ../x
refuses "a missing name is a usage error" 2 "--name NAME is missing" image import "$arch/benign.tar"
refuses "a missing operand is a usage error" 2 "an operand is missing" image inspect
refuses "an unknown image is named" 1 "there is no image 'none'" image inspect none
refuses "'host' cannot be removed" 1 "the image 'host' is built in" image remove host
check "images are listed, the built-in one among them" sh -c "'$sickbay' image list --state '$state' | grep -q '^host ' && '$sickbay' image list --state '$state' --json | grep -q '\"layout-oci\"'"

top=$(tree_of layout-oci)
image remove layout-oci >/dev/null
check "a layer that another image has stays" [ -d "$top" ]
for kind in oci.tar oci-two docker docker.tar docker-links docker-links.tar; do image remove "layout-$kind" >/dev/null; done
check "a layer that no image has goes" absent "$top"
done_testing
