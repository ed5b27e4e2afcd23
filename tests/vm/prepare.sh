#!/bin/sh
# prepare.sh DIR: what `make check-vm` needs: QEMU and friends, and Debian's kernel unpacked in DIR,
# not installed (installing one would pull in a boot loader's tools and change this host).
set -eu
dir=$1
want="qemu-system-x86 busybox-static cpio xz-utils e2fsprogs"
missing=
for p in $want; do
	dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
done
if [ -n "$missing" ]; then
	echo "installing:$missing" >&2
	apt-get update -qq
	# shellcheck disable=SC2086
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >&2
fi
[ ! -d "$dir/lib/modules" ] || exit 0
package=$(apt-cache depends linux-image-amd64 | sed -n 's/ *Depends: //p' | head -n 1)
[ -n "$package" ] || { echo "prepare.sh: no linux-image-amd64 in the package lists; run apt-get update" >&2; exit 1; }
mkdir -p "$dir.new"
(cd "$dir.new" && apt-get -o APT::Sandbox::User=root download -qq "$package" >&2 && dpkg-deb -x linux-image-*.deb . && rm linux-image-*.deb)
mv "$dir.new" "$dir"
