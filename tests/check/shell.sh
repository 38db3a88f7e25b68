#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Shell scripts: they parse, and shellcheck is content. Usage: shell.sh ROOT
root=$1
. "$(dirname "$0")/files.sh"

scripts() {
	files '.' | grep -vE '\.([ch]|def|md|json|yaml)$' | while read -r file; do
		head -n 1 "$root/$file" | grep -qE '^#!/bin/sh' && echo "$file"
	done
}

cd "$root" || exit 1
mistakes=$(scripts | while read -r file; do
	sh -n "$file" 2>&1
	[ -x "$file" ] || echo "$file: not executable"
done)
[ -z "$mistakes" ] || finish "$mistakes" 'shell scripts that cannot run'
command -v shellcheck >/dev/null || { echo 'shellcheck is not installed (the scripts parse)'; exit 77; }
finish "$(scripts | xargs shellcheck -x -P tests/check -f gcc)" 'see shellcheck -W'
