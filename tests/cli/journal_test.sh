#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `query` and `journal` on journals that are whole, damaged, missing or growing; no root.
# Usage: journal_test.sh NETAUDIT MAKE_JOURNAL
netaudit=$1 failed=0
folder=$(mktemp -d) || exit 1
journal=$("$2" 4 10) || exit 1
trap 'rm -rf "$folder" "$journal"' EXIT
unset JOURNAL_STREAM
export TZ=UTC

# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh"

lines() {
	got=$(wc -l <"$folder/out")
	[ "$got" = "$1" ] || { echo "$got lines, not $1"; failed=1; }
}

query() {
	code=$1 out=$2 err=$3
	shift 3
	expect "$code" "$out" "$err" query --journal "$journal" "$@"
}

query 0 '"hostname":"web-1".*"environment":"production"' ''
lines 41
query 0 '"event.sequence":17,' '' --format flat
query 0 '"labels.environment":"production"' '' --format flat
lines 41
query 0 'curl' '' --format line
lines 42
query 0 '"code":"ECONNREFUSED"' '' event=connect_failed
lines 13
query 0 '"executable":"/usr/bin/curl"' '' event!=connect_failed,events_lost exe=/usr/bin/curl
lines 13
query 0 '"closed"' '' 'event=clo*'
lines 14
query 0 'events_lost' '' 'event!=*o*ed' 'event!=est*'
lines 1
query 0 '' '' event=denied
query 0 '"sequence":5,' '' --since 2026-11-28T10:00:05Z --until '2026-11-28 10:00:08'
lines 3
query 0 '' '' --since 2026-11-28T12:00:00Z
query 0 '^41 events, 2026-11-28 10:00:01 to 2026-11-28 10:00:40 (39s)$' '' --summary
query 0 '^connect_failed  *13 ' '' --summary
query 0 '^ECONNREFUSED  *13  *13' '' --summary
query 0 '"by_event":{' '' --summary --json
query 64 '' '"yestreday" is no time' --since yestreday
query 64 '' '"jason" is none of ecs, flat, line' --format jason
query 64 '' 'exclude each other' --summary --follow
query 64 '' 'did you mean "event"' evnt=closed
expect 65 '' 'no journal: /nowhere' query --journal /nowhere
expect 78 '' 'cannot be read' query -c /nowhere.yaml

expect 64 '' 'Usage: netaudit journal' journal
expect 0 'verify' '' journal --help
expect 0 'Usage: netaudit journal verify \[OPTION...\] DIR' '' journal verify --help
expect 64 '' 'did you mean "verify"' journal verfiy "$journal"
expect 64 '' 'one folder is needed' journal verify
expect 64 '' 'one folder is needed' journal inspect a b
expect 64 '' 'which folder' journal export
expect 65 '' 'No such file' journal verify /nowhere
expect 65 '' 'No such file' journal inspect /nowhere
expect 0 '^4 segments, 41 events, [0-9]* bytes: 0 problems$' '' journal verify "$journal"
expect 0 '^4 segments, 41 events' '' journal inspect "$journal"
expect 0 '^0000000000000000     1 .* 11-28 10:00:01 sealed$' '' journal inspect "$journal"
expect 0 '"segments":\[{"file":"0000000000000000.segment"' '' journal inspect --json "$journal"
python3 -m json.tool <"$folder/out" >/dev/null || { echo 'inspect --json: no JSON'; failed=1; }
expect 0 '"executable":"/usr/sbin/sshd"' '' journal export "$journal" exe=/usr/sbin/sshd
lines 14
expect 0 '"event.sequence":1,' '' journal export "$journal" --format flat

# Follows until it is told to stop; a reader that goes away is no error.
mkfifo "$folder/pipe"
"$netaudit" query --journal "$journal" --follow --format flat >"$folder/pipe" 2>"$folder/err" &
pid=$!
{ head -n 41 >"$folder/out"; kill -INT $pid; cat >/dev/null; } <"$folder/pipe"
wait $pid || { echo "query --follow: exit $?"; failed=1; }
lines 41
"$netaudit" query --journal "$journal" --format line | head -n 1 >"$folder/out"
lines 1

# One byte of the second segment is wrong: in the middle of an event.
second=$(find "$journal" -name '*.segment' | sort | sed -n 2p)
size=$(wc -c <"$second")
printf '\377' | dd of="$second" bs=1 seek=$((size - 60)) conv=notrunc 2>/dev/null
query 0 '"sequence":21,' "1 events are missing, 20 to 20: $second: damaged from offset"
lines 40
query 0 '1 more could not be read' 'are missing' --summary
expect 65 "^$second:[0-9]*: damaged: [0-9]* bytes$" '' journal verify "$journal"
expect 0 'bytes damaged$' '' journal inspect "$journal"
rm "$second"
query 0 '"sequence":21,' '10 events are missing, 11 to 20: .*the stream ends at position'
lines 31
expect 65 'events 11 to 20 are missing, and no events_lost names them' '' journal verify "$journal"

# The newest may end anywhere; another's file is told.
rm "$journal"/*
rmdir "$journal"
journal=$("$2" 4 10)
last=$(find "$journal" -name '*.segment' | sort | tail -n 1)
truncate -s -60 "$last"
query 0 '"sequence":40,' ''
expect 0 'bytes of an unfinished write, no problem$' '' journal verify "$journal"
head -c 1000 "$0" >"$journal/0000000000ffff00.segment"
query 0 '"sequence":40,' 'not a segment of netaudit'
expect 65 'ffff00.segment:0: not a segment of netaudit' '' journal verify "$journal"
exit $failed
