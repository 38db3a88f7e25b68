# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Sourced by the checks, with $root, the folder that is checked: `files PATTERN` prints the files of
# it that match an extended regular expression, a line each; `finish` ends the check.

list() {
	git -C "$root" ls-files --cached --others --exclude-standard 2>/dev/null ||
		(cd "$root" && find . -type f -not -path './build*' -not -path './.git/*' | sed 's|^\./||')
}

files() {
	list | grep -E "$1" | sort -u | while read -r file; do
		[ ! -f "$root/$file" ] || echo "$file"
	done
}

# finish MISTAKES ADVICE: fails when there are mistakes.
finish() {
	[ -n "$1" ] || exit 0
	printf '%s\n%s\n' "$1" "$2"
	exit 1
}

# A check that looks at nothing must not pass.
[ -n "$(files '\.[ch]$')" ] || { echo "no source files in \"$root\""; exit 1; }
