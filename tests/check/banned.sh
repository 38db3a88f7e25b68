#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Functions that are not to be called, and instead of which. Usage: banned.sh ROOT
root=$1
. "$(dirname "$0")/files.sh"

# In all C files: nothing bounds what they write, or they run a shell.
unbounded='gets|vsprintf|system|popen|tmpnam|tempnam|mktemp|alloca'

# In what ships, besides: text is built in na_buffer, numbers are read with their errors, and waits
# end with a condition and a deadline.
careless='sprintf|strcpy|stpcpy|strcat|strncpy|strncat|strtok|atoi|atol|atoll|atof'
waiting='sleep|usleep|nanosleep|clock_nanosleep'
unsafe='signal|rand|srand|strerror'

# Exceptions, a line "FILE FUNCTION" each, with the reason above: none.
allowed=''

calls() {
	functions=$1
	files "$2" | while read -r file; do
		grep -noE "(^|[^_[:alnum:].>\"])($functions)\(" "$root/$file" |
			sed -E "s|^([0-9]+):[^_[:alnum:]]?([a-z_]+)\($|$file:\1: \2|"
	done
}

not_allowed() {
	while read -r found; do
		file=${found%%:*} function=${found##* }
		echo "$allowed" | grep -q "^$file $function\b" || echo "$found"
	done
}

finish "$({ calls "$unbounded" '\.[ch]$'
	calls "$careless|$waiting|$unsafe" '^(agent|outputs|include)/.*\.[ch]$'; } | not_allowed)" \
	'banned: use na_buffer (base/buffer.h), strtoull with its errors, ppoll with a deadline'
