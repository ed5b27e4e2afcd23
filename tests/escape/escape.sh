#!/bin/sh
# Ways out of a replica.  Each is first shown to lead through on the host, or in a plain clone with
# namespaces and nothing else; then it must be refused inside: under the policy that allows most
# (ptrace, servers), and without one.  Needs root.
set -u
# shellcheck source=tests/sh/lib.sh
. "$(dirname "$0")/../sh/lib.sh"
sickbay=$(realpath "${SICKBAY:-build/sickbay}")
probe=${sickbay%/*}/tests/escape/probe
dir=$(mktemp -d)
open=$(mktemp -d /var/tmp/escape.XXXXXX)
trap 'exec 8>&-; wait; rm -rf "$dir" "$open"' EXIT
echo token >"$open/token"
cp "$probe" "$open/probe"
chmod 755 "$open" "$open/probe"

# What the host runs while the replica tries to reach it; ends when descriptor 8 is closed.
mkfifo "$dir/hold"
"$probe" serve "$open/socket" <"$dir/hold" >"$dir/served" &
exec 8>"$dir/hold"
i=0
while [ ! -s "$dir/served" ] && [ $i -lt 100 ]; do sleep 0.1; i=$((i + 1)); done
read -r pid port shm <"$dir/served"

# The probe goes in through standard input, so no file of the host has to be shared.  The state is the
# caller's, the working directory, an open descriptor and a variable of the host are there to leak.
inside() { # inside POLICY NAME [ARG]
	policy=$1
	shift
	(
		cd "$open" || exit 3
		ESCAPE_SECRET=1 "$sickbay" run --json --image host --state "$dir/state" ${policy:+--policy "$policy"} -- \
			/bin/sh -c 'cat >/tmp/probe && chmod 755 /tmp/probe && exec /tmp/probe "$@"' sh "$@" \
			<"$probe" 9<"$open/token" 8>&-
	)
}
out_of() { # out_of TITLE WHERE NAME [ARG]: through on the host or in a bare clone, refused inside
	title=$1 where=$2
	shift 2
	n=$((n + 1))
	case $where in
	host) got=$(cd "$open" && ESCAPE_SECRET=1 "$probe" "$@" 9<"$open/token" 2>&1) ;;
	bare) got=$("$probe" bare "$@" 2>&1) ;;
	esac
	status=$?
	if [ $status = 77 ]; then
		title="$title (this kernel lacks the way: inside it must not exist either)"
	elif [ $status != 0 ]; then
		bad=1
		echo "not ok $n - $title: the way must lead through on the ${where}"
		echo "# exit $status: $got"
		return
	fi
	for policy in preset:verify ''; do
		in=$(inside "$policy" "$@" 2>&1)
		got=$status:$?
		case $got:$in in
		77:77:*) ;;
		*:1:*refused:*'"exited"'*) ;;          # the probe itself says so
		*:137:*'"killed-syscall"'*) ;; # the filter killed it, and the record says so
		*)
			bad=1
			echo "not ok $n - $title ${policy:+($policy)}"
			echo "$in" | sed "s/^/# on the $where and inside, exit $got: /"
			return
			;;
		esac
	done
	echo "ok $n - $title"
}

# Without these two every refusal below would prove nothing.
check "the probe runs inside" inside '' alive
check "ptrace is allowed inside, of a child" inside preset:verify ptrace-child

out_of "a file of the host is not there" host read "$open/token"
out_of "nor through /proc/1/root" bare read "/proc/1/root$open/token"
out_of "a program of the host cannot be written" host write /usr/bin/env
out_of "nor through the process that runs it" host exe /usr/bin/tsort
out_of "the program of pid 1 cannot be read" bare read /proc/1/exe
out_of "the memory of pid 1 cannot be opened" bare write /proc/1/mem
out_of "the environment of pid 1 cannot be read" bare read /proc/1/environ
out_of "no descriptor leaks" host fds
out_of "the working directory does not leak" host cwd token
out_of "the environment does not leak" host env ESCAPE_SECRET
out_of "a process of the host is not there" host signal "$pid"
out_of "shared memory of the host is not there" host shm "$shm"
out_of "an abstract socket of the host is not there" host abstract "$open/socket"
out_of "a socket file of the host is not there" host unix "$open/socket"
out_of "the host's loopback is not there" host tcp "$port"
if awk '$2 == "00000000" { found = 1 } END { exit !found }' /proc/net/route; then
	out_of "no route leads out" host route
else
	echo "# this host has no default route to try"
fi
out_of "no vsock" host socket 40
out_of "no packet socket" host socket 17
out_of "no crypto socket" host socket 38
out_of "no raw socket" host raw
for device in /dev/kmsg /dev/mem /dev/kvm /dev/fuse /dev/net/tun /dev/vda /dev/sda /dev/loop-control; do
	if [ -e "$device" ] && "$probe" read "$device" >/dev/null 2>&1 </dev/null; then
		out_of "no $device" host read "$device"
	elif [ -e "$device" ] && "$probe" write "$device" >/dev/null 2>&1; then
		out_of "no $device, for writing" host write "$device"
	fi
done
out_of "no device node is made" host mknod /tmp
out_of "no tmpfs is mounted" bare mount tmpfs
out_of "no proc is mounted" bare mount proc
out_of "no cgroup2 is mounted" bare mount cgroup2
if grep -q memory /proc/1/cgroup; then
	out_of "no legacy control group is mounted" bare mount cgroup
fi
out_of "no mount by fsopen" bare fsopen tmpfs
out_of "no mount by open_tree" bare open-tree /proc
out_of "nothing is unmounted" bare umount /proc
out_of "no chroot" bare chroot /tmp
out_of "the host name stays" bare hostname escape
out_of "no user namespace by unshare" bare unshare
out_of "no user namespace by clone" bare clone
out_of "no user namespace by clone3" bare clone3
out_of "no namespace is joined" bare setns /proc/self/ns/uts
out_of "the namespaces of pid 1 stay closed" bare setns /proc/1/ns/uts
out_of "pid 1 is not traced, where ptrace is allowed" bare ptrace-1
out_of "pid 1 hands over no descriptor" bare pidfd-getfd
out_of "the memory of pid 1 is not read" bare vm-read
out_of "user 0 is not to be had" host setuid
out_of "no higher priority" host nice
for knob in kernel/core_pattern kernel/modprobe kernel/hostname vm/overcommit_memory net/ipv4/ip_forward; do
	[ ! -e "/proc/sys/$knob" ] || out_of "/proc/sys/$knob stays closed" host write "/proc/sys/$knob"
done
[ ! -e /proc/sysrq-trigger ] || out_of "/proc/sysrq-trigger stays closed" host write /proc/sysrq-trigger
out_of "/sys stays closed" host write /sys/kernel/mm/transparent_hugepage/enabled
out_of "/sys/fs/cgroup is not there" host read "$(awk '$3 ~ /^cgroup/ { print $2; exit }' /proc/mounts)/cgroup.procs"
[ ! -e /proc/keys ] || out_of "the list of keys is not read" host read /proc/keys
out_of "the kernel's symbols are not read" host read /proc/kallsyms
out_of "no file by handle" host handle "$open/token"
out_of "no io_uring" host io-uring
out_of "no keyctl" host keyctl
out_of "no add_key" host add-key
out_of "no bpf" host bpf
out_of "no perf_event_open" host perf
out_of "no userfaultfd" host userfaultfd
out_of "no fanotify" host fanotify
out_of "no kernel log" host syslog
out_of "no ports" host iopl
out_of "no clock" host adjtimex
out_of "no odd personality" host personality
out_of "nothing is typed into a terminal (TIOCSTI)" host tiocsti
out_of "no entry by int 0x80" host int80
out_of "no entry by x32" host x32

# Not a way out, but to be known: new programs run with the same limits as the old.
if inside '' memfd-exec /tmp/probe >/dev/null 2>&1; then how=runs; else how=refused; fi
echo "# information: a program in a memory file inside: $how"

done_testing
