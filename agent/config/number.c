/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, sizes and durations as people write them. */
#include "config/number.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "config/suggest.h"

struct unit {
	const char *name;
	uint64_t factor;
};

/* Largest first: printing takes the first that divides. */
static const struct unit sizes[] = {
	{"TiB", UINT64_C(1) << 40},
	{"GiB", UINT64_C(1) << 30},
	{"MiB", UINT64_C(1) << 20},
	{"KiB", UINT64_C(1) << 10},
	{"B", 1},
	{NULL, 0},
};
static const struct unit durations[] = {
	{"d", 86400 * NA_NS_PER_SEC},
	{"h", 3600 * NA_NS_PER_SEC},
	{"m", 60 * NA_NS_PER_SEC},
	{"s", NA_NS_PER_SEC},
	{"ms", NA_NS_PER_MS},
	{"us", NA_NS_PER_US},
	{"ns", 1},
	{NULL, 0},
};
static const struct unit plain[] = {{"", 1}, {NULL, 0}};

static const struct {
	const char *what, *unit_names;
	const struct unit *units;
} kinds[] = {
	[NA_OPTION_NUMBER] = {"a whole number", "", plain},
	[NA_OPTION_SIZE] = {"a size, as 4MiB", "B|KiB|MiB|GiB|TiB", sizes},
	[NA_OPTION_DURATION] = {"a duration, as 60s", "ns|us|ms|s|m|h|d", durations},
};

static bool is(const char *name, struct na_text text)
{
	return strlen(name) == text.length && memcmp(name, text.data, text.length) == 0;
}

/* Nothing behind a number is bytes for a size; a duration needs its unit, only 0 is 0 in all. */
static const struct unit *unit_of(enum na_option_type type, struct na_text name, uint64_t number)
{
	if (!name.length && (type == NA_OPTION_SIZE || !number))
		return &plain[0];
	for (const struct unit *unit = kinds[type].units; unit->name; unit++)
		if (is(unit->name, name))
			return unit;
	return NULL;
}

static int refuse_unit(enum na_option_type type, struct na_text text, struct na_text name,
		       struct na_buffer *why)
{
	struct na_suggestion suggestion;

	na_suggestion_init(&suggestion, name);
	na_suggestion_offer_names(&suggestion, kinds[type].unit_names);
	na_quote_append(why, text);
	if (type == NA_OPTION_NUMBER) {
		na_buffer_append_string(why, " is not a whole number");
	} else if (!name.length) {
		na_buffer_append_string(why, " has no unit: ns, us, ms, s, m, h or d");
	} else {
		na_buffer_append_string(why, " has the unknown unit ");
		na_quote_append(why, name);
		na_suggestion_append(&suggestion, why);
	}
	return -EINVAL;
}

/* ------------------------------------------------------------------------------------------- */

int na_number_digits(struct na_text text, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (!text.length)
		return -EINVAL;
	for (size_t i = 0; i < text.length; i++)
		if (text.data[i] < '0' || text.data[i] > '9')
			return -EINVAL;
	for (size_t i = 0; i < text.length; i++)
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(text.data[i] - '0'), &number))
			return -ERANGE;
	*ret_number = number;
	return 0;
}

int na_number_parse(enum na_option_type type, struct na_text text, uint64_t *ret_number,
		    struct na_buffer *why)
{
	const struct unit *unit;
	struct na_text name;
	size_t digits = 0;
	uint64_t number = 0;
	int error;

	while (digits < text.length && text.data[digits] >= '0' && text.data[digits] <= '9')
		digits++;
	error = na_number_digits((struct na_text){text.data, digits}, &number);
	if (error == -EINVAL) {
		na_quote_append(why, text);
		na_buffer_printf(why, " is not %s", kinds[type].what);
		return -EINVAL;
	}
	while (digits < text.length && text.data[digits] == ' ')
		digits++;
	name = (struct na_text){text.data + digits, text.length - digits};
	unit = unit_of(type, name, number);
	if (!unit)
		return refuse_unit(type, text, name, why);
	if (error || __builtin_mul_overflow(number, unit->factor, ret_number)) {
		na_quote_append(why, text);
		na_buffer_append_string(why, " is larger than anything");
		return -EINVAL;
	}
	return 0;
}

void na_number_print(enum na_option_type type, uint64_t number, struct na_buffer *out)
{
	const struct unit *unit = kinds[type].units;

	if (!number && type == NA_OPTION_DURATION) {
		na_buffer_append_string(out, "0s");
		return;
	}
	if (!number)
		unit = plain;
	while (number % unit->factor)
		unit++;
	na_buffer_append_u64(out, number / unit->factor);
	na_buffer_append_string(out, unit->name);
}

int na_share_parse(struct na_text text, struct na_share *ret_share, struct na_buffer *why)
{
	struct na_share share = {0};
	struct na_text digits = {text.data, text.length ? text.length - 1 : 0};
	uint64_t percent;
	int error;

	if (!text.length || text.data[0] < '0' || text.data[0] > '9') {
		na_quote_append(why, text);
		na_buffer_append_string(why, " is neither a size, as 1GiB, nor a share, as 5%");
		return -EINVAL;
	}
	if (text.data[text.length - 1] != '%') {
		error = na_number_parse(NA_OPTION_SIZE, text, &share.bytes, why);
		if (!error)
			*ret_share = share;
		return error;
	}
	while (digits.length && digits.data[digits.length - 1] == ' ')
		digits.length--;
	error = na_number_digits(digits, &percent);
	if (error || percent > NA_SHARE_PERCENT_MAX) {
		na_quote_append(why, text);
		na_buffer_printf(why, " is not a share of 0%% to %d%%", NA_SHARE_PERCENT_MAX);
		return -EINVAL;
	}
	share.percent = (unsigned int)percent;
	*ret_share = share;
	return 0;
}

void na_share_print(const struct na_share *share, struct na_buffer *out)
{
	if (share->percent)
		na_buffer_printf(out, "%u%%", share->percent);
	else
		na_number_print(NA_OPTION_SIZE, share->bytes, out);
}
