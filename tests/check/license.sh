#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every source file names its licence in its first two lines: GPL-2.0-only in bpf/, else Apache-2.0.
# Usage: license.sh ROOT
root=$1
. "$(dirname "$0")/files.sh"

# Headers that kernel programs include may be under both.
expect() {
	licence=$1
	while read -r file; do
		head -n 2 "$root/$file" |
			grep -qE "SPDX-License-Identifier: $licence( OR GPL-2.0-only)?( \*/)?\$" ||
			echo "$file: $licence expected"
	done
}

sources='\.([ch]|def|sh|py|cmake)$|(^|/)(CMakeLists\.txt|Makefile)$|^scripts/|^\.ci/'
mistakes=$(files '^bpf/.*\.[ch]$' | expect GPL-2.0-only
	files "$sources" | grep -vE '^bpf/.*\.[ch]$' | expect Apache-2.0
	[ -s "$root/LICENSE" ] || echo 'LICENSE: missing'
	[ -s "$root/bpf/LICENSE" ] || echo 'bpf/LICENSE: missing')
finish "$mistakes" 'the first line of a file is its SPDX line'
