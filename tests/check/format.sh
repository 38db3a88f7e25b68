#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# clang-format over the C files; rows (*.def) are aligned by hand. Usage: format.sh ROOT [--fix]
root=$1
. "$(dirname "$0")/files.sh"

# Versions of clang-format differ in details: this one decides.
formatter=clang-format-14
command -v $formatter >/dev/null || { echo "$formatter is not installed"; exit 77; }

# Missing: bpf/ and include/, whose macros and rows are aligned by hand.
clean='^(agent|outputs|tests)/.*\.[ch]$'

cd "$root" || exit 1
if [ "$2" = --fix ]; then
	files "$clean" | xargs $formatter -i
	exit
fi
mistakes=$(files "$clean" | while read -r file; do
	$formatter --dry-run --Werror "$file" 2>/dev/null || echo "$file"
done)
finish "$mistakes" 'not formatted: run "make format"'
