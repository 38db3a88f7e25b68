#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# For tests of commands to read in: they set netaudit, folder and failed.
# shellcheck disable=SC2154,SC2034

# expect CODE STDOUT-PATTERN STDERR-PATTERN ARGUMENTS…: a pattern is a grep one, empty: no output at all
expect() {
	code=$1 out=$2 err=$3
	shift 3
	"$netaudit" "$@" >"$folder/out" 2>"$folder/err"
	got=$?
	[ $got = "$code" ] || { echo "netaudit $*: exit $got, not $code"; failed=1; }
	check out "$out" "$*"
	check err "$err" "$*"
}

check() {
	if [ -z "$2" ]; then
		[ ! -s "$folder/$1" ] || { echo "netaudit $3: something on std$1:"; head -5 "$folder/$1"; failed=1; }
	elif ! grep -q -e "$2" "$folder/$1"; then
		echo "netaudit $3: no \"$2\" on std$1:"
		head -5 "$folder/$1"
		failed=1
	fi
}
