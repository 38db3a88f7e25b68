/* SPDX-License-Identifier: Apache-2.0 */
/* Names of address families, as in the kernel's socket.h without AF_. */
#include "base/family.h"

#include <errno.h>

static const char *const names[] = {
	[1] = "unix",      [2] = "inet",      [3] = "ax25",       [4] = "ipx",
	[5] = "appletalk", [6] = "netrom",    [7] = "bridge",     [8] = "atmpvc",
	[9] = "x25",       [10] = "inet6",    [11] = "rose",      [12] = "decnet",
	[13] = "netbeui",  [14] = "security", [15] = "key",       [16] = "netlink",
	[17] = "packet",   [18] = "ash",      [19] = "econet",    [20] = "atmsvc",
	[21] = "rds",      [22] = "sna",      [23] = "irda",      [24] = "pppox",
	[25] = "wanpipe",  [26] = "llc",      [27] = "ib",        [28] = "mpls",
	[29] = "can",      [30] = "tipc",     [31] = "bluetooth", [32] = "iucv",
	[33] = "rxrpc",    [34] = "isdn",     [35] = "phonet",    [36] = "ieee802154",
	[37] = "caif",     [38] = "alg",      [39] = "nfc",       [40] = "vsock",
	[41] = "kcm",      [42] = "qipcrtr",  [43] = "smc",       [44] = "xdp",
	[45] = "mctp",
};

const unsigned int na_family_count = sizeof(names) / sizeof(*names);

int na_family_find(struct na_text name, unsigned int *ret_number)
{
	for (unsigned int number = 1; number < na_family_count; number++)
		if (strlen(names[number]) == name.length &&
		    memcmp(names[number], name.data, name.length) == 0) {
			*ret_number = number;
			return 0;
		}
	return -ENOENT;
}

const char *na_family_name(unsigned int number)
{
	return number < na_family_count ? names[number] : NULL;
}
