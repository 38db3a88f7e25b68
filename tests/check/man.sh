#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Manual pages are whole: mandoc has nothing to warn of, and each row of the tables is there.
# Usage: man.sh FOLDER-OF-PAGES
include=$(cd "$(dirname "$0")/../../include" && pwd)
cd "$1" || exit 1
command -v mandoc >/dev/null || { echo 'mandoc is not installed'; exit 77; }
failed=0

fail() {
	echo "$1"
	failed=1
}

for page in netaudit.8 netaudit.yaml.5 netaudit-events.7; do
	said=$(mandoc -T lint -W warning "$page") || fail "$said"
	grep '^@' "$page" && fail "$page: not all lines were replaced"
done

# has PAGE MACRO FILE ROW: the first text of each row of the file is an item of the page.
has() {
	names=$(sed -n "s/^$4([^\"]*\"\([^\"]*\)\".*/\1/p" "$include/$3")
	[ -n "$names" ] || fail "$3: no rows"
	for name in $names; do
		grep -qxF ".It $2 $name" "$1" || fail "$1: $name of $3 is not there"
	done
}

has netaudit.yaml.5 Cm options.def NA_OPTION
has netaudit.yaml.5 Cm output_options.def NA_OPTION
has netaudit-events.7 Cm events.def NA_EVENT
has netaudit-events.7 Va fields.def NA_FIELD
has netaudit-events.7 Va stats.def NA_STAT
exit $failed
