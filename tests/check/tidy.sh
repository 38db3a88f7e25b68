#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# clang-tidy (.clang-tidy) over the agent. Usage: tidy.sh ROOT BUILD
root=$1
build=$2
. "$(dirname "$0")/files.sh"

tidy=clang-tidy-14
command -v $tidy >/dev/null || { echo "$tidy is not installed"; exit 77; }

cd "$root" || exit 1
# Only what this build compiles: the others have no command to read.
compiled=$(files '^(agent|outputs|tests/bench)/.*\.c$' | while read -r file; do
	grep -q "/$file\"" "$build/compile_commands.json" && echo "$file"
done)
[ -n "$compiled" ] || { echo "no file of $build/compile_commands.json is of this tree"; exit 1; }
mistakes=$(echo "$compiled" | xargs -P "$(nproc)" -n 4 $tidy -p "$build" --quiet 2>/dev/null |
	grep -E '(warning|error): ' | sort -u)
finish "$mistakes" 'clang-tidy: see .clang-tidy for what is asked'
