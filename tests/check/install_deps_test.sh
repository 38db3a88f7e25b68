#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# scripts/install-deps with a package manager of ours before the real one. Usage: install_deps_test.sh
script=$(cd "$(dirname "$0")/../../scripts" && pwd)/install-deps
failed=0
top=$(mktemp -d) || exit 1
trap 'rm -rf "$top"' EXIT

stub() {
	printf '#!/bin/sh\n%s\n' "$2" >"$top/$1"
	chmod +x "$top/$1"
}

# All is installed but what the file says.
# shellcheck disable=SC2016
stub dpkg-query 'for name; do :; done
grep -qx "$name" "$MISSING" && exit 1
printf installed'
# shellcheck disable=SC2016
stub apt-get 'echo "apt-get $*" >>"$CALLS"
[ "$1" != "$REFUSES" ]'
stub apt-cache 'case "$*" in *format*) echo clang-format-14 - x ;; esac'
# shellcheck disable=SC2016
stub id 'echo "$USER_ID"'

# run CODE STDERR-PATTERN CALLS-PATTERN ARGUMENTS…: an empty pattern: nothing at all.
run() {
	code=$1 err=$2 called=$3
	shift 3
	: >"$top/calls"
	PATH=$top:$PATH MISSING=$top/missing CALLS=$top/calls REFUSES=$refuses USER_ID=$user \
		"$script" "$@" >"$top/out" 2>"$top/err"
	got=$?
	[ $got = "$code" ] || { echo "exit $got, not $code"; cat "$top/err"; failed=1; }
	[ ! -s "$top/out" ] || { echo 'something on stdout, where events go'; failed=1; }
	look "$top/err" "$err"
	look "$top/calls" "$called"
}

look() {
	if [ -z "$2" ]; then
		[ ! -s "$1" ] || { echo "not empty:"; cat "$1"; failed=1; }
	else
		grep -qE "$2" "$1" || { echo "no \"$2\" in:"; cat "$1"; failed=1; }
	fi
}

user=0 refuses=
: >"$top/missing"
run 0 '' ''
run 0 '' '' --test
run 0 '' '' --test --arm64

printf 'cmake\nlibcmocka-dev\n' >"$top/missing"
run 0 'installing cmake $' '^apt-get install -qq -y --no-install-recommends cmake$'
run 0 'installing cmake libcmocka-dev' 'cmake libcmocka-dev +clang-format-14 *$' --test

echo gcc-aarch64-linux-gnu >"$top/missing"
run 0 '' '' --test
run 0 'installing gcc-aarch64-linux-gnu' 'gcc-aarch64-linux-gnu +clang-format-14 *$' --test --arm64
"$script" --libraries | grep -qx libbpf-dev || { echo 'no libbpf-dev among the libraries'; failed=1; }
echo cmake >"$top/missing"

user=1000
run 77 'only root can install: apt-get install cmake $' ''

user=0 refuses=update
run 69 'cannot be fetched' '^apt-get update'
refuses=install
run 69 'cannot install: cmake' '^apt-get install'
exit $failed
