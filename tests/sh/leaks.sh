#!/bin/sh
# leaks.sh [FILE [ours]]: first call: notes what is on this host.  Second call (a TAP test): nothing that
# sickbay makes may be there that was not there before.  With `ours`, on a host where others work too,
# namespaces count only where a process of sickbay's holds them.
set -u
export LC_ALL=C
file=${1:-build/leaks} whose=${2:-all}
processes() { # by the program they run, not by their name
	for p in /proc/[0-9]*; do
		exe=$(readlink "$p/exe" 2>/dev/null) || continue
		case ${exe##*/} in sickbay | sickbay-* | "sickbay (deleted)") echo "${p#/proc/} $exe" ;; esac
	done
}
mounts() { sed -n 's/^[0-9]* [0-9]* [0-9:]* [^ ]* \([^ ]*\) .* - \([^ ]*\) .*/\2 \1/p' /proc/self/mountinfo; }
cgroups() {
	sed -n 's/^[^ ]* \([^ ]*\) cgroup2\{0,1\} .*/\1/p' /proc/mounts | sort -u | while read -r root; do
		find "$root" -type d -name '*sickbay*' 2>/dev/null
	done
}
namespaces() { # network and mount namespaces, and who keeps them
	for p in /proc/[0-9]*; do
		if [ "$whose" = all ] || grep -qs sickbay "$p/cgroup"; then
			readlink "$p/ns/net" "$p/ns/mnt" "$p/ns/user" 2>/dev/null
		fi
	done
	ls /run/netns 2>/dev/null
}
loops() { losetup -ln -O NAME,BACK-FILE 2>/dev/null | grep sickbay; }
files() { # /run/sickbay itself is the host's, as /run/lock is
	find /tmp /run /dev/shm -maxdepth 1 -name '*sickbay*' ! -path /run/sickbay 2>/dev/null
}
snapshot() { for what in processes mounts cgroups namespaces loops files; do "$what" | sed "s/^/$what: /"; done | sort -u; }

if [ ! -e "$file" ]; then
	mkdir -p "$(dirname "$file")"
	snapshot >"$file"
	exit 0
fi
# what is just ending gets a moment; what stays is a leak
for try in 1 2 3 4 5 6 7 8 9 10; do
	left=$(snapshot | comm -13 "$file" -)
	[ -z "$left" ] && break
	[ "$try" = 10 ] || sleep 0.3
done
rm -f "$file"
echo 1..1
if [ -z "$left" ]; then
	echo "ok 1 - the tests left no process, mount, cgroup, namespace, loop device or file behind"
else
	echo "not ok 1 - the tests left something behind"
	echo "$left" | sed 's/^/# /' >&2 # shown without -v, too
	exit 1
fi
