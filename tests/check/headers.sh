#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every header of the agent compiles alone, and twice.
# Usage: headers.sh ROOT [COMPILER [FOLDER]]   FOLDER has the headers that the build makes
root=$1
compiler=${2:-cc}
made=${3:-.}
. "$(dirname "$0")/files.sh"

compile_alone() {
	printf '#include "%s"\n#include "%s"\n' "$1" "$1" |
		"$compiler" -std=gnu11 -D_GNU_SOURCE -fsyntax-only -Wall -Wextra -Werror \
			-I"$root/include" -I"$root/agent" -I"$root/outputs" -I"$root/agent/cli" -I"$made" -x c - 2>&1
}

mistakes=$(files '^(agent|outputs|include)/.*\.h$' | while read -r file; do
	complaint=$(compile_alone "$root/$file") || printf '%s: does not compile alone\n%s\n' "$file" "$complaint"
done)
finish "$mistakes" 'a header includes what it uses'
