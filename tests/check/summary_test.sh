#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# scripts/test-summary on what ctest itself writes of tests that pass, fail, skip, crash, time out or
# are not there. Usage: summary_test.sh
script=$(cd "$(dirname "$0")/../../scripts" && pwd)/test-summary
failed=0
top=$(mktemp -d) || exit 1
trap 'rm -rf "$top"' EXIT

# ctest_of NAME: runs the CTestTestfile.cmake on stdin, results in NAME.xml.
ctest_of() {
	mkdir "$top/$1"
	cat >"$top/$1/CTestTestfile.cmake"
	ctest --test-dir "$top/$1" --output-junit "$top/$1.xml" >/dev/null 2>&1
}

expect() {
	code=$1
	shift
	for pattern in "$@"; do
		echo "$said" | grep -qxE "$pattern" || { echo "no \"$pattern\" in:"; echo "$said"; failed=1; }
	done
	[ $got = "$code" ] || { echo "exit $got, not $code, of:"; echo "$said"; failed=1; }
	[ "$(echo "$said" | tail -n 1)" = "$pattern" ] || { echo "not last: $pattern"; failed=1; }
}

summary() {
	said=$("$script" "$@")
	got=$?
}

ctest_of good <<'F'
add_test(unit/one true)
add_test(unit/two true)
add_test(e2e/three sh -c "echo start; echo 'no MPTCP in this kernel'; exit 77")
set_tests_properties(e2e/three PROPERTIES SKIP_RETURN_CODE 77)
add_test(unit/four sh -c "echo 'skipped: no BPF here'; echo '[  SKIPPED ] a_case'; echo '[  SKIPPED ] 1 test(s), listed below:'")
F
ctest_of bad <<'F'
add_test(unit/wrong false)
add_test(unit/crash sh -c "kill -SEGV $$")
add_test(unit/slow sleep 60)
set_tests_properties(unit/slow PROPERTIES TIMEOUT 1)
add_test(unit/absent nowhere/to-be-found)
add_test(unit/loud sh -c "echo '[  SKIPPED ] a_case'; exit 1")
F
ctest_of none </dev/null
ctest_of skips <<'F'
add_test(unit/one sh -c "exit 77")
set_tests_properties(unit/one PROPERTIES SKIP_RETURN_CODE 77)
F

summary "$top/good.xml"
expect 0 'skipped: e2e/three: no MPTCP in this kernel' 'skipped: unit/four: a_case: no BPF here' \
	'2 passed, 0 failed, 2 skipped'
summary "$top/good.xml" "$top/bad.xml"
expect 1 'failed: unit/wrong: .*' 'failed: unit/crash: .*' 'failed: unit/slow: .*' \
	'failed: unit/absent: .*' 'failed: unit/loud: .*' '2 passed, 5 failed, 2 skipped'
summary "$top/good.xml" "$top/nowhere.xml"
expect 1 'failed: .*/nowhere.xml: no results: .*' '2 passed, 1 failed, 2 skipped'
summary "$top/none.xml"
expect 1 'failed: .*' '0 passed, 1 failed, 0 skipped'
summary
expect 1 'failed: all: no test ran' '0 passed, 1 failed, 0 skipped'
summary "$top/skips.xml"
expect 1 'skipped: unit/one: no reason given' '0 passed, 1 failed, 1 skipped'
exit $failed
