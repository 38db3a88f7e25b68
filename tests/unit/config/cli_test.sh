#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The program's exit codes and where it prints what. Usage: cli_test.sh NETAUDIT CONF_D
netaudit=$1 conf_d=$2 failed=0
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
unset JOURNAL_STREAM

# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/../../cli/expect.sh"

echo 'capture: {rings: x, attch: auto}' >"$folder/bad.yaml"
echo 'capture: {rings: 2}' >"$folder/good.yaml"
printf 'journal:\n\n\n\n  tail_size: 3GiB\n' >"$folder/limit.yaml"

# Time and memory of libyaml grow with the square of the depth.
{ printf 'labels: '; head -c 100000 /dev/zero | tr '\0' '['; } >"$folder/deep.yaml"
expect 78 '' 'deep.yaml:1:24: nested deeper than 16' check -c "$folder/deep.yaml"

expect 64 '' 'Usage: netaudit COMMAND'
expect 0 'Usage: netaudit COMMAND' '' --help
expect 0 '^netaudit [0-9]' '' --version
expect 64 '' 'unknown command "chek", did you mean "check"?' chek
expect 64 '' 'Try "netaudit --help"' --hlep
expect 64 '' 'unknown option "--versoin", did you mean "--version"?' --versoin
expect 0 '' 'configuration is valid' check --set labels=
expect 0 '--show' '' check --help
expect 0 'Usage: netaudit check' '' check -h
expect 64 '' 'unknown option "--shwo", did you mean "--show"?' check --shwo
expect 64 '' 'unknown option "-x"' check -x
expect 64 '' '"--set" needs an argument' check --set
expect 64 '' '"--show" takes no argument' check --show=1
expect 64 '' '"--help" takes no argument' check --help=1
expect 64 '' 'unexpected argument "extra"' check extra
expect 0 '' 'configuration is valid' check -c "$folder/good.yaml"
expect 0 '' 'configuration is valid: OK, 1 file, 0 outputs$' check -c "$conf_d/00-default.yaml"
for example in "$conf_d"/*.yaml; do
	expect 0 '' 'configuration is valid: OK, 1 file, ' check -c "$example"
done
expect 0 '' "configuration is valid: OK, $(find "$conf_d" -name '*.yaml' | wc -l) files, " check -c "$conf_d"
expect 0 '' 'configuration is valid: OK, 2 files, 0 outputs$' check -c "$conf_d/30-labels.yaml" -c "$folder/good.yaml"
expect 78 '' ':5: journal.tail_size: 3GiB is more than journal.max_size, 2GiB$' check -c "$folder/limit.yaml"
expect 78 '' '^--set: ship.path: "/var/lib/netaudit/journal/ship" cannot be in journal.path' check --set ship.path=/var/lib/netaudit/journal/ship
expect 0 'rings: 3 .*# --set' 'configuration is valid' check --show -c "$folder/good.yaml" --set capture.rings=3
expect 0 'rings: 2 .*good.yaml:1$' 'configuration is valid' check --show -c "$folder/good.yaml"
expect 78 '' 'bad.yaml:1:18: capture.rings: "x" is not' check -c "$folder/bad.yaml"
expect 78 '' 'bad.yaml:1:21: unknown key "attch", did you mean "attach"?' check -c "$folder/bad.yaml"
expect 78 '' '^--set: capture.x: unknown key' check -c "$folder/bad.yaml" --set capture.x=1
expect 78 '' 'cannot be read' check -c "$folder/nowhere.yaml"
if "$netaudit" --help | grep -q '^  schema '; then
	expect 0 '^#' '' schema
	expect 0 '^{' '' schema --format json-schema
	expect 64 '' 'did you mean "markdown"?' schema --format markdwon
fi
if [ -w /dev/full ]; then
	"$netaudit" check --show -c "$folder/good.yaml" >/dev/full 2>"$folder/err"
	[ $? = 73 ] || { echo "a full stdout is no failure"; failed=1; }
fi
exit $failed
