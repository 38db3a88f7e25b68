#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# No function above 60 lines; those above 40 are named for a second look. Headers above 100 too.
# Usage: length.sh ROOT
root=$1
. "$(dirname "$0")/files.sh"

# A function begins with { and ends with } in the first column.
functions() {
	files '^(agent|outputs|bpf|include)/.*\.[ch]$' | while read -r file; do
		awk -v file="$file" -v above="$1" '
			/^\{/ { start = FNR }
			/^\}/ && start { if (FNR - start - 1 > above)
						print file ":" start ": " FNR - start - 1 " lines"
					 start = 0 }' "$root/$file"
	done
}

long_headers() {
	files '^(agent|outputs|include)/.*\.h$' | while read -r file; do
		lines=$(wc -l <"$root/$file")
		[ "$lines" -le 100 ] || echo "$file: $lines lines, a contract of at most about 100?"
	done
}

functions 40 | sed 's/$/: review/'
long_headers
finish "$(functions 60)" 'refused: a function of more than 60 lines does more than one thing'
