#!/bin/sh
# deb.sh VERSION BUILD: a binary package from what `make all` built, in BUILD/sickbay_VERSION_ARCH.deb.
# The programs lie in one folder, where they find each other; the package asks for whatever has the
# libraries that they are linked with here.
set -eu
version=$1 build=$2
top=$(cd "$(dirname "$0")/../.." && pwd)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
arch=$(dpkg --print-architecture)
programs=$root/usr/libexec/sickbay

make -s -C "$top" install-files B="$build" DESTDIR="$root" PREFIX=/usr LIBEXECDIR=/usr/libexec/sickbay
mv "$root/usr/bin/sickbay" "$programs/sickbay"
ln -s ../libexec/sickbay/sickbay "$root/usr/bin/sickbay"
strip --strip-unneeded "$programs"/*
gzip -9n "$root"/usr/share/man/man*/*
install -D -m 0644 "$top/LICENSE" "$root/usr/share/doc/sickbay/copyright"
install -D -m 0644 "$top/docs/debian/sickbay.json" "$root/etc/sickbay/sickbay.json"
install -d -m 0755 "$root/etc/sickbay/services"
for unit in "$top"/docs/systemd/*.service; do
	[ -e "$unit" ] || continue
	mkdir -p "$root/usr/lib/systemd/system"
	sed 's|@BINDIR@|/usr/bin|' "$unit" >"$root/usr/lib/systemd/system/${unit##*/}"
done
find "$root" -type d -exec chmod 0755 {} +

owner_of() { # the package that a file of this host came with; /lib may be a link to /usr/lib
	for file in "$1" "${1#/usr}" "$(realpath "$1")"; do
		owner=$(dpkg-query -S "$file" 2>/dev/null | cut -d: -f1 | head -n 1)
		[ -z "$owner" ] || { echo "$owner"; return; }
	done
}
depends=$({
	for program in "$programs"/*; do
		ldd "$program" 2>/dev/null | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p'
	done | sort -u | while read -r library; do owner_of "$library"; done
	owner_of "$(command -v git)"
} | sort -u | paste -sd, | sed 's/,/, /g')

mkdir "$root/DEBIAN"
cat >"$root/DEBIAN/control" <<END
Package: sickbay
Version: $version
Architecture: $arch
Maintainer: the sickbay authors <sickbay@localhost>
Section: admin
Priority: optional
Depends: $depends
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f1)
Description: repairs what production reported, in replicas, for a person to decide
 A repair host takes incidents, shows each in an ephemeral replica of
 production, looks for a change that mends it, proves the change in fresh
 replicas and proposes it. Agents run strictly inside replicas; only a person
 merges.
END
(cd "$root" && find etc -type f -printf '/%p\n' | sort) >"$root/DEBIAN/conffiles"
(cd "$root" && find usr -type f -exec md5sum {} + | sort -k 2) >"$root/DEBIAN/md5sums"
for script in postinst prerm postrm; do install -m 0755 "$top/docs/debian/$script" "$root/DEBIAN/$script"; done
chmod 0644 "$root/DEBIAN/control" "$root/DEBIAN/conffiles" "$root/DEBIAN/md5sums"

: "${SOURCE_DATE_EPOCH:=$(git -C "$top" log -1 --format=%ct 2>/dev/null || date +%s)}"
export SOURCE_DATE_EPOCH
dpkg-deb --root-owner-group --build "$root" "$build/sickbay_${version}_$arch.deb"
