/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capture.exclude for the kernel: each filter that it can apply becomes a bit, each criterion a
 * table from value to the set of filters that it satisfies (bpf/filter.h says how they combine).
 */
#include "capture/rules.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "capture/capture_internal.h"
#include "capture/cgroup_root.h"
#include "capture/hash.h"

#define PORTS_MAX 1024 /* numbers in one port range; wider ones are applied on events */
#define PATH_MAX_BYTES 4096

enum criterion { FAMILY, UID, EXE, CGROUP, ADDRESS, PORT, CRITERION_COUNT };

struct na_rules {
	uint32_t count;
	const struct na_filter *filters[NA_RULES_MAX];
	uint32_t any[CRITERION_COUNT]; /* rules that do not name it */
};

static const struct {
	const char *name;
	int number;
} families[] = {{"unix", 1},     {"inet", 2},    {"inet6", 10},
		{"netlink", 16}, {"packet", 17}, {"vsock", 40}};

static int criterion_of(enum na_filter_key key)
{
	switch (key) {
	case NA_FILTER_FAMILY:
		return FAMILY;
	case NA_FILTER_UID:
		return UID;
	case NA_FILTER_EXE:
		return EXE;
	case NA_FILTER_CGROUP:
		return CGROUP;
	case NA_FILTER_ADDRESS:
		return ADDRESS;
	case NA_FILTER_PORT:
		return PORT;
	default:
		return -1;
	}
}

static bool value_fits(enum criterion criterion, const struct na_filter_value *value)
{
	bool pattern = memchr(value->text.data, '*', value->text.length) != NULL;

	switch (criterion) {
	case FAMILY:
		for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
			if (value->text.length == strlen(families[i].name) &&
			    !memcmp(value->text.data, families[i].name, value->text.length))
				return true;
		return false;
	case UID:
		return value->first == value->last;
	case EXE:
	case CGROUP:
		return !pattern && value->text.length > 0 && value->text.data[0] == '/' &&
		       value->text.length < PATH_MAX_BYTES;
	case PORT:
		return value->last - value->first < PORTS_MAX;
	case ADDRESS:
		return value->prefix != NA_FILTER_TEXT; /* a path, or a pattern */
	default:
		return true;
	}
}

/* A key named twice means both must hold: the tables cannot say that, so such a filter stays with
 * the agent. */
static bool kernel_can(const struct na_filter *filter)
{
	bool named[CRITERION_COUNT] = {false};
	const struct na_filter_term *terms;
	size_t count;

	terms = na_filter_terms(filter, &count);
	for (size_t i = 0; i < count; i++) {
		int criterion = criterion_of(terms[i].key);

		if (criterion < 0 || terms[i].negated || named[criterion])
			return false;
		named[criterion] = true;
		for (size_t k = 0; k < terms[i].count; k++)
			if (!value_fits((enum criterion)criterion, &terms[i].values[k]))
				return false;
	}
	return count > 0;
}

static void add_rule(struct na_rules *rules, const struct na_filter *filter)
{
	uint32_t bit = UINT32_C(1) << rules->count, named = 0;
	const struct na_filter_term *terms;
	size_t count;

	terms = na_filter_terms(filter, &count);
	for (size_t i = 0; i < count; i++) {
		int criterion = criterion_of(terms[i].key);

		if (criterion >= 0)
			named |= UINT32_C(1) << criterion;
	}
	for (int criterion = 0; criterion < CRITERION_COUNT; criterion++)
		if (!(named >> criterion & 1))
			rules->any[criterion] |= bit;
	rules->filters[rules->count++] = filter;
}

/* Calls `visit` with each value that a rule names for the criterion. Stops at the first failure. */
typedef int visit_value(void *context, const struct na_filter_value *value, uint32_t bit);

static int each_value(const struct na_rules *rules, enum criterion criterion, visit_value *visit,
		      void *context)
{
	int error = 0;

	for (uint32_t rule = 0; rule < rules->count; rule++) {
		const struct na_filter_term *terms;
		size_t count;

		terms = na_filter_terms(rules->filters[rule], &count);
		for (size_t i = 0; i < count && !error; i++) {
			if (criterion_of(terms[i].key) != (int)criterion)
				continue;
			for (size_t k = 0; k < terms[i].count && !error; k++)
				error = visit(context, &terms[i].values[k], UINT32_C(1) << rule);
		}
	}
	return error;
}

struct table {
	int fd;
	uint32_t any;
};

/* Adds rules to what the map holds under the key, beginning with those that do not name the
 * criterion. */
static int add_to_map(const struct table *table, const void *key, uint32_t rules)
{
	uint32_t have = table->any;

	if (bpf_map_lookup_elem(table->fd, key, &have) < 0)
		have = table->any;
	have |= rules;
	return bpf_map_update_elem(table->fd, key, &have, BPF_ANY) < 0 ? -errno : 0;
}

static int add_uid(void *context, const struct na_filter_value *value, uint32_t bit)
{
	uint32_t uid = (uint32_t)value->first;

	return add_to_map(context, &uid, bit);
}

static int add_ports(void *context, const struct na_filter_value *value, uint32_t bit)
{
	int error = 0;

	for (uint64_t number = value->first; number <= value->last && !error; number++) {
		uint16_t port = (uint16_t)number;

		error = add_to_map(context, &port, bit);
	}
	return error;
}

/* FNV-1a over the components leaf first, each with its NUL, as the EXEC record lists them. */
static uint64_t hash_executable(const char *path, size_t end)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	while (end > 0) {
		size_t start = end;

		while (start > 0 && path[start - 1] != '/')
			start--;
		for (size_t i = start; i < end; i++)
			hash = (hash ^ (uint8_t)path[i]) * UINT64_C(0x100000001b3);
		if (start < end)
			hash *= UINT64_C(0x100000001b3); /* the NUL */
		end = start ? start - 1 : 0;
	}
	return hash;
}

static int add_executable(void *context, const struct na_filter_value *value, uint32_t bit)
{
	uint64_t hash = hash_executable(value->text.data, value->text.length);

	return add_to_map(context, &hash, bit);
}

struct rule_address_key {
	uint32_t prefix;
	uint8_t address[16];
};

static int add_address(void *context, const struct na_filter_value *value, uint32_t bit)
{
	struct rule_address_key key = {.prefix = value->prefix};

	memcpy(key.address, value->address.bytes, sizeof(key.address));
	return add_to_map(context, &key, bit);
}

struct covering {
	const struct table *table;
	const struct na_rules *rules;
	const struct na_filter_value *inner;
};

static bool prefix_covers(const struct na_filter_value *outer, const struct na_filter_value *inner)
{
	unsigned int bytes = outer->prefix / 8, bits = outer->prefix % 8;

	if (outer->prefix > inner->prefix ||
	    memcmp(outer->address.bytes, inner->address.bytes, bytes) != 0)
		return false;
	return !bits ||
	       !((outer->address.bytes[bytes] ^ inner->address.bytes[bytes]) >> (8 - bits));
}

static int add_if_covers(void *context, const struct na_filter_value *outer, uint32_t bit)
{
	struct covering *covering = context;

	return prefix_covers(outer, covering->inner)
		       ? add_address((void *)covering->table, covering->inner, bit)
		       : 0;
}

/* A lookup finds the longest prefix only, so it must hold the rules of the shorter ones too. */
static int add_covered(void *context, const struct na_filter_value *inner, uint32_t bit)
{
	struct covering *covering = context;

	(void)bit;
	covering->inner = inner;
	return each_value(covering->rules, ADDRESS, add_if_covers, covering);
}

static int set_family(void *context, const struct na_filter_value *value, uint32_t bit)
{
	uint32_t *rules_of_family = context;

	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
		if (value->text.length == strlen(families[i].name) &&
		    !memcmp(value->text.data, families[i].name, value->text.length))
			rules_of_family[families[i].number] |= bit;
	return 0;
}

/* A cgroup that does not exist yet excludes nothing: its id is not known. */
static int set_cgroup(void *context, const struct na_filter_value *value, uint32_t bit)
{
	struct cgroup_bpf *bpf = context;
	uint32_t at = bpf->rodata->rule_cgroup_count, level = 0;
	NA_FREE char *path = strndup(value->text.data, value->text.length);
	NA_CLOSE int root = na_cgroup_root_open();
	struct stat status;

	if (!path || at >= NA_RULE_CGROUPS_MAX)
		return -ENOSPC;
	for (const char *part = path; *part; part++)
		level += *part == '/' && part[1] != '\0' && part[1] != '/';
	if (root < 0 || fstatat(root, path[1] ? path + 1 : ".", &status, 0) < 0)
		return 0;
	bpf->rodata->rule_cgroups[at].id = status.st_ino;
	bpf->rodata->rule_cgroups[at].level = level;
	bpf->rodata->rule_cgroups[at].rules = bit;
	bpf->rodata->rule_cgroup_count = at + 1;
	return 0;
}

/* A process that is gone, or a kernel thread, has no executable. One that executed since is marked
 * already. */
static int mark_process(struct cgroup_bpf *bpf, int proc, const char *pid_text)
{
	uint32_t pid = (uint32_t)strtoul(pid_text, NULL, 10), rules;
	char link[64], path[PATH_MAX_BYTES];
	uint64_t hash;
	ssize_t length;

	snprintf(link, sizeof(link), "%.20s/exe", pid_text);
	length = readlinkat(proc, link, path, sizeof(path));
	if (length <= 0)
		return 0;
	hash = hash_executable(path, (size_t)length);
	if (bpf_map_lookup_elem(bpf_map__fd(bpf->maps.rules_of_executable), &hash, &rules) < 0)
		return 0;
	/* Full: its records come, and the agent applies the filter to events. */
	if (bpf_map_update_elem(bpf_map__fd(bpf->maps.rules_of_process), &pid, &rules, BPF_ANY) <
		    0 &&
	    errno != E2BIG)
		return -errno;
	return 0;
}

static uint64_t hash_value(uint64_t hash, const struct na_filter_value *value)
{
	hash = na_hash_add(hash, &value->text.length, sizeof(value->text.length));
	if (value->text.length)
		hash = na_hash_add(hash, value->text.data, value->text.length);
	hash = na_hash_add(hash, value->address.bytes, sizeof(value->address.bytes));
	hash = na_hash_add(hash, &value->prefix, sizeof(value->prefix));
	hash = na_hash_add(hash, &value->first, sizeof(value->first));
	return na_hash_add(hash, &value->last, sizeof(value->last));
}

/* ------------------------------------------------------------------------------------------- */

uint64_t na_rules_hash(const struct na_rules *rules, uint64_t hash)
{
	for (uint32_t rule = 0; rule < rules->count; rule++) {
		const struct na_filter_term *terms;
		size_t count;

		terms = na_filter_terms(rules->filters[rule], &count);
		for (size_t i = 0; i < count; i++) {
			hash = na_hash_add(hash, &terms[i].key, sizeof(terms[i].key));
			hash = na_hash_add(hash, &rule, sizeof(rule));
			for (size_t k = 0; k < terms[i].count; k++)
				hash = hash_value(hash, &terms[i].values[k]);
		}
	}
	return hash;
}

int na_rules_new(struct na_filter *const *filters, size_t count, bool *ret_taken,
		 struct na_rules **ret_rules)
{
	struct na_rules *rules = calloc(1, sizeof(*rules));

	if (!rules)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		ret_taken[i] = rules->count < NA_RULES_MAX && kernel_can(filters[i]);
		if (ret_taken[i])
			add_rule(rules, filters[i]);
	}
	*ret_rules = rules;
	return 0;
}

void na_rules_free(struct na_rules *rules)
{
	free(rules);
}

void na_rules_set_knobs(const struct na_rules *rules, struct cgroup_bpf *bpf)
{
	uint32_t of_family[NA_RULE_FAMILIES] = {0};

	bpf->rodata->rule_count = rules->count;
	bpf->rodata->rules_any_family = rules->any[FAMILY];
	bpf->rodata->rules_any_uid = rules->any[UID];
	bpf->rodata->rules_any_exe = rules->any[EXE];
	bpf->rodata->rules_any_cgroup = rules->any[CGROUP];
	bpf->rodata->rules_any_address = rules->any[ADDRESS];
	bpf->rodata->rules_any_port = rules->any[PORT];
	bpf->rodata->rules_addressless = rules->any[ADDRESS] & rules->any[PORT];
	each_value(rules, FAMILY, set_family, of_family);
	for (int i = 0; i < NA_RULE_FAMILIES; i++)
		bpf->rodata->rules_of_family[i] = of_family[i];
	each_value(rules, CGROUP, set_cgroup, bpf);
}

int na_rules_fill_maps(const struct na_rules *rules, struct cgroup_bpf *bpf)
{
	struct table uids = {bpf_map__fd(bpf->maps.rules_of_uid), rules->any[UID]};
	struct table executables = {bpf_map__fd(bpf->maps.rules_of_executable), 0};
	struct table ports = {bpf_map__fd(bpf->maps.rules_of_port), rules->any[PORT]};
	struct table addresses = {bpf_map__fd(bpf->maps.rules_of_address), rules->any[ADDRESS]};
	struct covering covering = {&addresses, rules, NULL};
	int error = each_value(rules, UID, add_uid, &uids);

	if (!error)
		error = each_value(rules, EXE, add_executable, &executables);
	if (!error)
		error = each_value(rules, PORT, add_ports, &ports);
	if (!error)
		error = each_value(rules, ADDRESS, add_address, &addresses);
	return error ? error : each_value(rules, ADDRESS, add_covered, &covering);
}

int na_rules_mark_processes(const struct na_rules *rules, struct cgroup_bpf *bpf)
{
	uint32_t all = rules->count < 32 ? (UINT32_C(1) << rules->count) - 1 : UINT32_MAX;
	DIR *folder = rules->any[EXE] == all ? NULL : opendir("/proc");
	const struct dirent *entry;
	int error = 0;

	if (rules->any[EXE] == all)
		return 0; /* no rule names an executable */
	if (!folder)
		return -errno;
	while (!error && (entry = readdir(folder)))
		if (isdigit((unsigned char)entry->d_name[0]))
			error = mark_process(bpf, dirfd(folder), entry->d_name);
	closedir(folder);
	return error;
}
