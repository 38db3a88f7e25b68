#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Short runs of load_bench: each load really runs, what is asked for is what is printed, the host's
# settings stay, and the table has a row for each line. Usage: load_test.sh LOAD_BENCH BENCH_TABLE
load_bench=$1 bench_table=$2 failed=0
setting=/proc/sys/net/ipv4/tcp_max_tw_buckets
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

fail() {
	echo "$1"
	failed=1
}

before=$(cat $setting)
"$load_bench" --toggle nothing --pairs 3 --block-ms 50 >"$folder/out" 2>"$folder/err"
code=$?
[ $code != 77 ] || { cat "$folder/out"; exit 77; }
[ $code = 0 ] || fail "exit $code: $(cat "$folder/err")"
[ "$(cat $setting)" = "$before" ] || fail "$setting of the host was changed"

for load in connect getppid open; do
	line=$(grep "^bench load=$load with=nothing blocks=6 " "$folder/out") || fail "no line of $load"
	rate=$(echo "$line" | sed 's/.* rate_off=\([0-9]*\).*/\1/')
	[ "${rate:-0}" -gt 0 ] || fail "$load: $rate operations a second"
done
[ "$(wc -l <"$folder/out")" = 3 ] || fail "not three lines: $(cat "$folder/out")"

"$load_bench" --load open --toggle nothing --pairs 1 --block-ms 20 >"$folder/one"
[ "$(wc -l <"$folder/one")" = 1 ] || fail "--load open: $(cat "$folder/one")"

for wrong in '--pairs 0' '--pairs x' '--block-ms' '--load nowhere' '--unknown' 'extra'; do
	# shellcheck disable=SC2086
	"$load_bench" --pairs 1 --block-ms 1 $wrong >/dev/null 2>&1
	[ $? = 64 ] || fail "$wrong is not refused"
done

mkdir "$folder/build"
printf '#!/bin/sh\ncat "%s"\n' "$folder/out" >"$folder/build/load_bench"
printf '#!/bin/sh\necho "a figure: 7"\n' >"$folder/build/other_bench"
chmod +x "$folder/build/load_bench" "$folder/build/other_bench"
"$bench_table" "$folder/build" >"$folder/table" 2>/dev/null || fail 'bench-table failed'
[ "$(grep -c '^| \(connect\|getppid\|open\) | nothing ' "$folder/table")" = 3 ] || fail "table: $(cat "$folder/table")"
grep -q '^other: a figure: 7$' "$folder/table" || fail "table: $(cat "$folder/table")"
printf '#!/bin/sh\nexit 3\n' >"$folder/build/bad_bench"
chmod +x "$folder/build/bad_bench"
"$bench_table" "$folder/build" >/dev/null 2>&1 && fail 'a benchmark that fails is no failure'
exit $failed
