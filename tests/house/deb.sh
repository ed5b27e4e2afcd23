#!/bin/sh
# The package: built, installed into a root of its own that is thrown away, used, removed, purged.
# Needs root: the root is an overlay in a private mount namespace, and the host's own is never written.
# shellcheck disable=SC2317 # functions called by check
if [ "${1:-}" != inside ]; then
	exec unshare --mount --propagation private sh "$0" inside
fi
# shellcheck source=tests/sh/lib.sh
. "$(dirname "$0")/../sh/lib.sh"
top=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "$(dirname "${SICKBAY:-build/sickbay}")" && pwd)
dir=$(mktemp -d)
trap 'umount -R "$dir" 2>/dev/null; rmdir "$dir"' EXIT
mount -t tmpfs -o size=256m,mode=755 tmpfs "$dir"
mkdir "$dir/upper" "$dir/work" "$dir/root" "$dir/out"
version=$(sed -n 's/^VERSION := //p' "$top/Makefile")

cp "$build/sickbay" "$build"/sickbay-* "$dir/out/"
check "the package is built" sh "$top/docs/debian/deb.sh" "$version" "$dir/out"
deb=$(echo "$dir"/out/*.deb)
check "it has the programs, the pages and the configuration" sh -c 'dpkg-deb -c "$1" >"$2/list" &&
	for file in ./usr/bin/sickbay ./usr/libexec/sickbay/sickbay-audit ./usr/share/man/man1/sickbay.1.gz ./etc/sickbay/sickbay.json; do
		grep -qF " $file" "$2/list" || { echo "$file"; exit 1; }; done' sh "$deb" "$dir/out"
check "everything in it belongs to root" sh -c '! dpkg-deb -c "$1" | grep -v " root/root "' sh "$deb"
check "it asks for the libraries of its programs" sh -c 'dpkg-deb -f "$1" Depends | grep -q jansson' sh "$deb"
check "its configuration is the operator's" sh -c 'dpkg-deb -I "$1" conffiles | grep -qx /etc/sickbay/sickbay.json' sh "$deb"

mount -t overlay -o "lowerdir=/,upperdir=$dir/upper,workdir=$dir/work" overlay "$dir/root"
mount -t proc proc "$dir/root/proc"
in_root() { chroot "$dir/root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }
had=$(in_root dpkg-query -W 2>/dev/null | sort | sha256sum)
files() { # what differs from the host's root, without dpkg's own books
	(cd "$dir/upper" && find . -mindepth 1 \( -path ./var/lib/dpkg -o -path ./var/log -o -path ./var/cache -o -path ./tmp -o -path ./dev -o -path ./var/lib/sickbay \) -prune -o \
		\( -type f -o -type l -o -type c \) -print | grep -v -e '^./etc/group' -e '^./etc/gshadow' -e '^./etc/.pwd.lock' | sort)
}
check "it is installed" dpkg --root="$dir/root" --log=/dev/null -i "$deb"
check "its files are as they were packed" in_root dpkg -V sickbay
check "the program runs, and finds the others" sh -c 'chroot "$1" /usr/bin/sickbay version | grep -qx "sickbay $2" &&
	chroot "$1" /usr/bin/sickbay gc --state /var/lib/sickbay | grep -q "0 things" &&
	chroot "$1" /usr/bin/sickbay policy check preset:patch' sh "$dir/root" "$version"
check "the configuration is read as it comes" in_root sickbay df
check "the group for what production said is there" in_root getent group sickbay-raw
units() { # those of the source, naming the program where it is installed
	for unit in "$top"/docs/systemd/*.service; do
		[ ! -e "$unit" ] || grep -q "^ExecStart=/usr/bin/sickbay" "$dir/root/usr/lib/systemd/system/${unit##*/}" || return 1
	done
}
check "the units of the source are there" units
check "it is removed" dpkg --root="$dir/root" --log=/dev/null -r sickbay
check "no program stays" test ! -e "$dir/root/usr/libexec/sickbay" -a ! -e "$dir/root/usr/bin/sickbay"
check "the configuration and the state stay" test -e "$dir/root/etc/sickbay/sickbay.json" -a -d "$dir/root/var/lib/sickbay"
check "it is purged, and what is evidence stays, which is said" sh -c 'mkdir -p "$1/var/lib/sickbay/cases/a-1" &&
	dpkg --root="$1" --log=/dev/null -P sickbay 2>&1 | grep -q "holds cases and their log"' sh "$dir/root"
check "the configuration is gone" test ! -e "$dir/root/etc/sickbay"
nothing_left() { left=$(files); [ -z "$left" ] || { echo "$left"; return 1; }; }
check "nothing else is left" nothing_left
check "and no other package was touched" test "$had" = "$(in_root dpkg-query -W 2>/dev/null | grep -v '^sickbay' | sort | sha256sum)"
done_testing
