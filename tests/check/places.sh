#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Nothing in the tree belongs to one machine: folders of a checkout, mirrors of packages.
# Usage: places.sh ROOT
root=$1
. "$(dirname "$0")/files.sh"

# Written so that this file does not match itself.
folders='/(work|tmp/wt|builds)/|/root/[a-z.]'
mirrors='arti[f]actory|nexus-rep[o]|index[-]url|proxy\.(int|corp)|\.inter[n]al[:/]'

mistakes=$(files '.' | grep -v '^tests/check/' | while read -r file; do
	grep -nHIE "(^|[^[:alnum:]])($folders)|$mirrors" "$root/$file" | sed "s|^$root/||"
done)
finish "$mistakes" 'a path or host of one machine'
