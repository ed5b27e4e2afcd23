#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run.sh - run one command as root in a throw-away VM whose kernel has cgroup v2 ONLY (all controllers).
#
#   run.sh [-k KTREE] [-a tcg|kvm] [-m MiB] [-c CPUS] [-r ROOT] [-w DIR]... [-M "mod mod"] [-t SEC] [-v] -- CMD [ARG...]
#
# The guest's root is ROOT (default: the host's /), shared READ-ONLY over 9p (readonly=on: QEMU enforces it) and
# put under an overlay with a tmpfs upper. So every path is the same inside as outside, the guest can write anywhere, and
# nothing it writes survives.  -w DIR shares DIR read-write at the same path (for results/coverage).
# The command's stdout+stderr come to our stdout; its exit status is our exit status.
#   124 = guest did not finish in SEC seconds;  125 = could not start, or guest died without reporting.
#
# Needs (Debian 12): qemu-system-x86 (+seabios), busybox-static, cpio, xz-utils; and an UNPACKED (not installed) kernel package:
# prepare.sh fetches both. The -cloud- kernel will not do: Debian builds it without 9p.
# Use -a kvm only where /dev/kvm starts a stock kernel; the default, tcg, works everywhere.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
ktree=${VM_KTREE:-$here/kg} accel=tcg mem=2048 cpus=2 root=/ tmo=300 verbose=0 mods='' wdirs=()
while getopts k:a:m:c:r:w:M:t:v o; do case $o in
  k) ktree=$OPTARG;; a) accel=$OPTARG;; m) mem=$OPTARG;; c) cpus=$OPTARG;; r) root=$OPTARG;; w) wdirs+=("$(realpath "$OPTARG")");;
  M) mods=$OPTARG;; t) tmo=$OPTARG;; v) verbose=1;; *) exit 125;; esac; done
shift $((OPTIND-1)); [ $# -gt 0 ] || { echo "usage: $0 [options] -- CMD [ARG...]" >&2; exit 125; }
ktree=$(realpath "$ktree"); kver=$(ls "$ktree/lib/modules" | head -1); kernel=$ktree/vmlinux-$kver
bb=$(command -v busybox) || exit 125
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT

# --- 0. unpack the kernel's xz payload once: the guest would otherwise unpack it itself under TCG at every boot
#        (boot halves: about 10 s -> 5 s). QEMU starts the bare ELF through its PVH entry (CONFIG_PVH=y). ---
if [ ! -s "$kernel" ]; then
  z=$ktree/boot/vmlinuz-$kver; off=$(LC_ALL=C grep -aboP '\xfd7zXZ\x00' "$z" | head -1 | cut -d: -f1)
  tail -c +$((off+1)) "$z" | xz -dc --single-stream 2>/dev/null > "$kernel.$$" || true   # trailing bytes are not xz: ignore
  [ "$(head -c4 "$kernel.$$" | tail -c3)" = ELF ] || { echo "vm: no xz payload in $z" >&2; exit 125; }
  mv "$kernel.$$" "$kernel"
fi

# (left uncompressed: cpio pads to 512 bytes, so a second archive may follow; and TCG unpacks it faster)
# --- 1. base initramfs: busybox + the modules needed to reach the 9p root. Built once per kernel, kept beside it. ---
base=$ktree/initrd-$kver.cpio
if [ ! -s "$base" ]; then
  [ -s "$ktree/lib/modules/$kver/modules.dep" ] || "$bb" depmod -b "$ktree" "$kver"
  d=$tmp/base; mkdir -p "$d"/{bin,dev,proc,sys,mods,lower,rw,newroot}; cp "$bb" "$d/bin/busybox"
  # dependency order matters: insmod does not resolve it
  n=0; for m in virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci netfs fscache 9pnet 9pnet_virtio 9p overlay; do
    f=$(find "$ktree/lib/modules/$kver/kernel" -name "$m.ko" | head -1); [ -n "$f" ] || continue
    cp "$f" "$d/mods/$(printf %02d $n)-$m.ko"; n=$((n+1)); done
  cat > "$d/init" <<'I'
#!/bin/busybox sh
# stage 1 (initramfs, pid 1): modules, 9p root, overlay, cgroup2; then switch_root to stage 2
b=/bin/busybox
$b mount -t proc proc /proc; $b mount -t sysfs sysfs /sys; $b mount -t devtmpfs dev /dev
for m in /mods/*.ko; do $b insmod $m || $b echo "insmod $m failed" > /dev/console; done
. /vm.conf
$b mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=512000,cache=loose root /lower || $b reboot -f
$b mount -t tmpfs -o size=75% tmpfs /rw; $b mkdir /rw/up /rw/wk
$b mount -t overlay -o lowerdir=/lower,upperdir=/rw/up,workdir=/rw/wk root /newroot
r=/newroot
$b mkdir -p $r/proc $r/sys $r/dev $r/tmp $r/run $r/var/lib/sickbay $r/lib/modules/$KVER $r/.vm
$b mount --move /proc $r/proc; $b mount --move /sys $r/sys; $b mount --move /dev $r/dev
$b mkdir -p $r/dev/pts $r/dev/shm
$b mount -t devpts -o mode=620,ptmxmode=666 devpts $r/dev/pts
# an overlay's upper may not itself lie on overlayfs, so give the usual scratch places a tmpfs of their own
for d in dev/shm run var/lib/sickbay; do $b mount -t tmpfs tmpfs $r/$d; done
[ "$ROOTDIR" = / ] || $b mount -t tmpfs tmpfs $r/tmp
$b mount -t cgroup2 -o nsdelegate,memory_recursiveprot cgroup2 $r/sys/fs/cgroup
$b mount -t tmpfs tmpfs $r/.vm; $b cp /bin/busybox /vm.conf /cmd $r/.vm/; $b ln -s busybox $r/.vm/modprobe; $b cp /stage2 $r/.vm/
# modules: from the kernel tree as seen through the shared root, if it lies in there; modprobe is busybox's
[ -d "/lower/$KMODS" ] && $b mount --bind "/lower/$KMODS" $r/lib/modules/$KVER
$b echo /.vm/modprobe > $r/proc/sys/kernel/modprobe
i=0; for w in $WDIRS; do $b mkdir -p $r$w; $b mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000 w$i $r$w; i=$((i+1)); done
exec $b switch_root $r /.vm/busybox sh /.vm/stage2
I
  cat > "$d/stage2" <<'I'
# stage 2 (real root, pid 1): delegate the controllers, run the command, report, reset
b=/.vm/busybox; . /.vm/vm.conf
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root VM_RUN=1
$b hostname vm; $b ifconfig lo 127.0.0.1 up
# no process may sit in the root cgroup's children with controllers: we stay in the root, the command goes to /runner
cd /sys/fs/cgroup; for c in $($b cat cgroup.controllers); do echo +$c > cgroup.subtree_control; done; $b mkdir runner; cd /
for m in $MODS; do /.vm/modprobe $m || echo "modprobe $m failed" > /dev/console; done
$b stty -F /dev/ttyS1 raw -echo; $b stty -F /dev/ttyS2 raw -echo
( echo 0 > /sys/fs/cgroup/runner/cgroup.procs; cd "$CWD" 2>/dev/null || cd /; . /.vm/cmd ) < /dev/null > /dev/ttyS1 2>&1
echo $? > /dev/ttyS2; $b sync; $b reboot -f
I
  chmod +x "$d/init"; ( cd "$d" && find . | cpio -o -H newc --quiet ) > "$base.$$" && mv "$base.$$" "$base"
fi

# --- 2. this run's own little archive (the kernel unpacks concatenated archives one after the other) ---
r=$tmp/run; mkdir -p "$r"; { printf '%q ' "$@"; echo; } > "$r/cmd"
{ printf 'KVER=%q KMODS=%q CWD=%q MODS=%q WDIRS=%q ROOTDIR=%q\n' "$kver" "${ktree#"${root%/}"}/lib/modules/$kver" "$PWD" "$mods" "${wdirs[*]-}" "$root"; } > "$r/vm.conf"
( cd "$r" && find . | cpio -o -H newc --quiet ) > "$tmp/run.cpio"; cat "$base" "$tmp/run.cpio" > "$tmp/initrd"

# --- 3. boot ---
# shellcheck disable=SC2054 # the commas are QEMU's
fs=(-fsdev "local,id=root,path=$root,security_model=none,readonly=on,multidevs=remap" -device virtio-9p-pci,fsdev=root,mount_tag=root)
# shellcheck disable=SC2054
i=0; for w in "${wdirs[@]}"; do fs+=(-fsdev "local,id=w$i,path=$w,security_model=none,multidevs=remap" -device "virtio-9p-pci,fsdev=w$i,mount_tag=w$i"); i=$((i+1)); done
quiet=quiet; [ $verbose = 1 ] && quiet=
rc=0; timeout -k 5 "$tmo" qemu-system-x86_64 -M pc -accel "$accel" -cpu max -m "$mem" -smp "$cpus" -nodefaults -no-user-config -display none -no-reboot \
  -kernel "$kernel" -initrd "$tmp/initrd" "${fs[@]}" \
  -append "console=ttyS0 $quiet panic=-1 reboot=t mitigations=off cgroup_no_v1=all 8250.nr_uarts=4 tsc=reliable no_timer_check audit=1 psi=1" \
  -serial file:"$tmp/console" -serial stdio -serial file:"$tmp/status" </dev/null 2>"$tmp/qerr" || rc=$?
[ $verbose = 1 ] && cat "$tmp/console" >&2
[ $rc = 124 ] || [ $rc = 137 ] && { echo "vm: no answer in $tmo s" >&2; tail -5 "$tmp/console" >&2; exit 124; }
st=$(tr -dc 0-9 < "$tmp/status" 2>/dev/null || true)
[ -n "$st" ] || { echo "vm: guest ended without a status (qemu rc $rc)" >&2; cat "$tmp/qerr" >&2; tail -15 "$tmp/console" >&2; exit 125; }
exit "$st"
