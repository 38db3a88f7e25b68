#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# "netaudit check": outputs tried for real, secrets that are not shown. Usage: check_test.sh NETAUDIT
set -eu
netaudit=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
mkdir "$folder/out"
chmod 777 "$folder/out"

fail() {
	echo "check_test: $*" >&2
	exit 1
}

cat >"$folder/good.yaml" <<YAML
ship: {user: nobody}
outputs:
  - {name: f, type: file, path: $folder/out/events.json}
YAML
"$netaudit" check --connect -c "$folder/good.yaml" >"$folder/said" 2>"$folder/errors" ||
	fail "a file that can be written: $(cat "$folder/said" "$folder/errors")"
grep -q '^f (file): delivered, acknowledged after [0-9]* ms$' "$folder/said" || fail "said $(cat "$folder/said")"
grep -q '"action":"output_tested"' "$folder/out/events.json" || fail 'the event is not in the file'

# One that works does not hide one that does not.
cat >>"$folder/good.yaml" <<YAML
  - {name: g, type: file, path: $folder/none/events.json}
YAML
status=0
"$netaudit" check --connect -c "$folder/good.yaml" >"$folder/said" 2>/dev/null || status=$?
[ $status = 69 ] || fail "status $status of an output that cannot be written"
grep -q "^g (file): not delivered: .*$folder/none" "$folder/said" || fail "said $(cat "$folder/said")"
[ "$(wc -l <"$folder/out/events.json")" = 2 ] || fail 'the file that works got another number of events'

echo 'log: {level: info}' >"$folder/none.yaml"
"$netaudit" check --connect -c "$folder/none.yaml" 2>&1 | grep -q 'nothing to connect to' || fail 'no outputs'
