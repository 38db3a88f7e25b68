#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# netaudit hooks: what it prints, and its exit codes. Usage: hooks_test.sh NETAUDIT
netaudit=$1 failed=0
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
	cat "$folder/err"
	failed=1
}

has() {
	grep -q -e "$2" "$folder/$1" || { echo "no \"$2\" on std$1:"; cat "$folder/$1"; failed=1; }
}

expect 0 "$netaudit" hooks -c "$folder/empty.yaml"
has out '^SOURCE  *STATE  *RUNS  *NS  *LOST  *SKIPPED  *FEEDS$'
has out '^cgroup/connect4  *works .* connect_attempted$'
has out '^cgroup/connect_unix  *off  *not needed for these families$'
has out '^self-test  *passed'
has out '^price .* on each system call'
has out '^tiers  *cgroup  in use$'
[ "$(awk 'length > 80' "$folder/out")" = "" ] || { echo "a line is longer than 80 columns"; failed=1; }

expect 0 "$netaudit" hooks -c "$folder/empty.yaml" --json --set 'capture.families=[all]'
has out '"source": "raw_tp/kmem_cache_free"'
has out '"passed": true'
python3 - "$folder/out" <<'PYTHON' || failed=1
import json, sys
hooks = json.load(open(sys.argv[1]))
# Of hooks only what is used everywhere is in the self-test; what is not needed says so.
wrong = [p["source"] for p in hooks["programs"]
         if p["state"] != "works" and p["tier"] in ("cgroup", "process", "snapshot")
         and "not needed" not in p.get("reason", "")]
sys.exit("not working: %s" % wrong if wrong else 0)
PYTHON

# A tier that can be had is in use; else its reason is told.
for tier in fexit lsm kprobe; do
	if "$netaudit" hooks -c "$folder/empty.yaml" --set capture.attach=$tier >"$folder/tier" 2>&1; then
		grep -q "$tier  *in use$" "$folder/tier" || { echo "$tier is not in use"; failed=1; }
	else
		expect 69 "$netaudit" hooks -c "$folder/empty.yaml" --set capture.attach=$tier
		has err "capture.attach is $tier, but "
	fi
done
expect 64 "$netaudit" hooks --jsn
expect 78 "$netaudit" hooks --set capture.atach=auto
expect 77 setpriv --bounding-set -bpf,-perfmon "$netaudit" hooks -c "$folder/empty.yaml"
has err 'missing CAP_BPF (to load programs), CAP_PERFMON (to read kernel memory in them): run as root'
exit $failed
