#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# netaudit check --kernel, and --btf of it and of run. Usage: check_kernel_test.sh NETAUDIT OBJECT
# OBJECT: a file with BTF that is not of this kernel.
netaudit=$1 object=$2 failed=0
[ "$(id -u)" = 0 ] || { echo "skipped: not root"; exit 77; }
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
echo '{}' >"$folder/empty.yaml"

# expect CODE ARGUMENTS…: runs it, its output is in $folder/out and $folder/err
expect() {
	code=$1
	shift
	"$@" >"$folder/out" 2>"$folder/err"
	got=$?
	[ $got = "$code" ] && return
	echo "$*: exit $got, not $code"
	cat "$folder/out" "$folder/err"
	failed=1
}

has() {
	grep -q -e "$2" "$folder/$1" || { echo "no \"$2\" on std$1:"; cat "$folder/$1"; failed=1; }
}

check() {
	code=$1
	shift
	expect "$code" "$netaudit" check -c "$folder/empty.yaml" --kernel "$@"
	lines=$(wc -l <"$folder/out")
	[ "$lines" = 10 ] || { echo "$lines lines, not 10"; cat "$folder/out"; failed=1; }
}

check 0
has out "^kernel  *$(uname -r) $(uname -m), .*; programs that it skips are \(counted\|not counted\)"
has out '^types (BTF)  */sys/kernel/btf/vmlinux, [0-9.]* MiB$'
has out '^lockdown  *[a-z[]'
has out '^capabilities all that capture needs$'
has out '^limits  *locked memory .*; bpf for unprivileged users o'
has out '^rings  *[0-9]* of 8.0 MiB take [0-9]* MiB, [0-9]* MiB are available; \(not \)*kept over a restart'
has out '^tiers  *cgroup yes: every system call pays .*, cgroup2 '
for tier in fexit lsm kprobe; do
	has out "^  *$tier *\(yes: ..* by seccomp ..*\|no: ..*\)\$"
done
[ ! -s "$folder/err" ] || { echo "on stderr:"; cat "$folder/err"; failed=1; }

# As BTFHub lays them out.
# shellcheck source=/dev/null
tree=$folder/btf/$(. /etc/os-release && echo "$ID/$VERSION_ID")/$(uname -m | sed s/aarch64/arm64/)
mkdir -p "$tree"
check 69 --btf "$folder/btf"
has out "^types (BTF)  *no: no BTF for this kernel in $folder/btf: $tree/$(uname -r).btf"
cp /sys/kernel/btf/vmlinux "$tree/$(uname -r).btf"
check 0 --btf "$folder/btf"
has out "^types (BTF)  *$tree/$(uname -r).btf, "
check 69 --btf "$object"
has out 'is of another kernel: struct task_struct has [0-9]* bytes there, and [0-9]* in the kernel'
check 69 --btf "$folder/empty.yaml"
has out 'empty.yaml holds no BTF$'
# Structs of the same size, in which something is elsewhere: the kernel itself says no.
for member in 'task_struct tgid' 'sock_common skc_cookie' 'qstr name' 'path dentry'; do
	# shellcheck disable=SC2086 # two words
	"$(dirname "$0")/move_member" /sys/kernel/btf/vmlinux $member >"$folder/moved" || failed=1
	check 69 --btf "$folder/moved"
	has out 'moved is of another kernel: struct [a-z_]* is not as it says$'
done

# The agent knows itself under any name: another, that of a file it is mounted over, and none any more.
with_btf="check -c $folder/empty.yaml --kernel --btf /sys/kernel/btf/vmlinux"
cp "$netaudit" "$folder/agent"
touch "$folder/other"
# shellcheck disable=SC2086,SC2016 # words; $1 and $2 are of the inner shell
{
expect 0 "$folder/agent" $with_btf
expect 0 unshare -m sh -c 'mount --bind "$1" "$2" && shift && exec "$@"' - "$netaudit" "$folder/other" $with_btf
expect 0 sh -c 'exec 3<"$1" && rm "$1" && shift && exec /proc/self/fd/3 "$@"' - "$folder/agent" $with_btf
}

expect 69 "$netaudit" run -c "$folder/empty.yaml" --btf "$object"
has err 'is of another kernel: struct task_struct'
expect 69 "$netaudit" run -c "$folder/empty.yaml" --btf "$folder/nothing"
has err 'nothing: No such file or directory'

# starts COMMAND…: it says so when all is attached.
mkfifo "$folder/events"
starts() {
	"$@" >"$folder/events" 2>"$folder/err" &
	agent=$!
	exec 3<"$folder/events"
	first= # others on this host may be told of before
	while read -r first <&3; do
		case $first in *'"event":"agent_started"'*) break ;; esac
	done
	kill -TERM $agent 2>/dev/null
	cat <&3 >/dev/null
	exec 3<&-
	wait $agent || { echo "$*: exit $?"; failed=1; }
	case $first in
	*'"event":"agent_started"'*) ;;
	*) echo "$* does not start: $first"; cat "$folder/err"; failed=1 ;;
	esac
}

starts "$netaudit" run --strict --btf "$folder/btf"

# shellcheck disable=SC2086 # words, and no function: what is started is the agent itself
{
# It raises the limit of locked memory where that counts, before 5.11, or says what keeps it from that.
starts prlimit --memlock=65536:65536 "$netaudit" run --strict
without_resource="setpriv --bounding-set -sys_resource prlimit --memlock=65536:65536"
expect 0 $without_resource "$netaudit" check -c "$folder/empty.yaml" --kernel
has out '^limits  *locked memory 0.1 MiB, which counts before 5.11: needs CAP_SYS_RESOURCE'
case $(uname -r) in
5.[0-9].*|5.10.*)
	expect 77 $without_resource "$netaudit" run -c "$folder/empty.yaml"
	has err 'whose limit is 64 KiB: raise it (ulimit -l), or give CAP_SYS_RESOURCE' ;;
*) starts $without_resource "$netaudit" run --strict ;;
esac
}

check_without() {
	expect 77 setpriv --bounding-set "-$1" "$netaudit" check -c "$folder/empty.yaml" --kernel
	has out "^capabilities missing .*$2"
	for tier in cgroup fexit lsm kprobe; do
		has out " $tier *no: see capabilities\$"
	done
}
check_without bpf 'CAP_BPF (to load programs)'
check_without net_admin 'CAP_NET_ADMIN'
check_without perfmon 'CAP_PERFMON (to read kernel memory in them)'

# With a mistake in the configuration the kernel is reported all the same.
echo 'nothing: such' >"$folder/bad.yaml"
expect 78 "$netaudit" check -c "$folder/bad.yaml" --kernel
has out '^tiers  *cgroup yes'
has err 'bad.yaml:1:1: '
exit $failed
