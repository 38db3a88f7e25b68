#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The checks against trees with one mistake each. Usage: checks_test.sh
here=$(cd "$(dirname "$0")" && pwd)
failed=0
top=$(mktemp -d) || exit 1
trap 'rm -rf "$top"' EXIT

# A tree that every check passes.
begin() {
	tree=$top/tree
	rm -rf "$tree"
	mkdir -p "$tree/agent/base" "$tree/include" "$tree/bpf" "$tree/scripts"
	echo text >"$tree/LICENSE"
	echo text >"$tree/bpf/LICENSE"
	printf '/* SPDX-License-Identifier: Apache-2.0 */\nint na_one(void);\n' >"$tree/agent/base/one.h"
	printf '/* SPDX-License-Identifier: Apache-2.0 */\n#include "base/one.h"\n' >"$tree/agent/base/one.c"
	printf '/* SPDX-License-Identifier: GPL-2.0-only */\n' >"$tree/bpf/one.h"
	printf '#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\ntrue\n' >"$tree/scripts/one"
	chmod +x "$tree/scripts/one"
}

# expect CHECK CODE PATTERN: what the check says of the tree.
expect() {
	said=$("$here/$1.sh" "$tree" 2>&1)
	got=$?
	[ $got = 77 ] && return
	[ $got = "$2" ] || { echo "$1: exit $got, not $2: $said"; failed=1; }
	echo "$said" | grep -qE "$3" || { echo "$1: no \"$3\" in: $said"; failed=1; }
}

# function_of LINES: a function whose body has as many.
function_of() {
	printf 'int na_one(void)\n{\n'
	yes '	;' | head -n $(($1 - 1))
	printf '	return 0;\n}\n'
}

begin
for check in banned format headers length license places shell; do
	expect $check 0 ''
done

calling() {
	begin
	echo "$2" >>"$tree/$1"
}
calling agent/base/one.c 'int na_one(void) { return atoi("1"); }'
expect banned 1 '^agent/base/one.c:3: atoi$'
calling agent/base/one.c '	x = sprintf(a, "b");'
expect banned 1 ': sprintf$'
calling agent/base/one.c 'usleep(1);'
expect banned 1 ': usleep$'
calling agent/base/one.c '	na_usleep(1); snprintf(a, 1, "b"); x->sleep(1);'
expect banned 0 ''
calling bpf/one.h 'system("true");'
expect banned 1 '^bpf/one.h:2: system$'

begin
function_of 60 >>"$tree/agent/base/one.c"
expect length 0 '^agent/base/one.c:4: 60 lines: review$'
begin
function_of 61 >>"$tree/agent/base/one.c"
expect length 1 '^refused'

calling agent/base/one.h 'size_t na_two(void);'
expect headers 1 '^agent/base/one.h: does not compile alone'
calling agent/base/one.h 'struct na_two { int a; };'
expect headers 1 'redefinition'

calling agent/base/one.c '  int   x;'
expect format 1 '^agent/base/one.c$'

begin
echo 'int x;' >"$tree/agent/base/two.c"
expect license 1 '^agent/base/two.c: Apache-2.0 expected$'
begin
cp "$tree/agent/base/one.c" "$tree/bpf/two.c"
expect license 1 '^bpf/two.c: GPL-2.0-only expected$'
begin
rm "$tree/LICENSE"
expect license 1 '^LICENSE: missing$'

calling agent/base/one.c '/* see /wo''rk/notes */'
expect places 1 '^agent/base/one.c:3:'

calling scripts/one 'if true'
expect shell 1 'scripts/one'
begin
chmod -x "$tree/scripts/one"
expect shell 1 '^scripts/one: not executable$'

tree=$top/empty
mkdir "$tree"
expect banned 1 '^no source files'
exit $failed
