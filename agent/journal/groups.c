/* SPDX-License-Identifier: Apache-2.0 */
/* Fields by the group that they are stored with. */
#include "journal/groups.h"

#include "base/field.h"

#define NOT_STORED (-1) /* at a fixed place of the frame, or made by the reader */
#define OWN (-2)

/* A path, or with a dot at its end all below it; the first that fits counts, else OWN. */
static const struct rule {
	const char *path;
	int group;
} rules[] = {
	{"@timestamp", NOT_STORED},
	{"event.id", NOT_STORED},
	{"event.sequence", NOT_STORED},
	{"process.thread.id", OWN},
	{"process.exit_code", OWN},
	{"process.end", OWN},
	{"process.", NA_GROUP_PROCESS},
	{"container.", NA_GROUP_PROCESS},
	{"netaudit.process.", NA_GROUP_PROCESS},
	{"netaudit.cgroup.", NA_GROUP_PROCESS},
	{"user.", NA_GROUP_USER},
	{"group.", NA_GROUP_USER},
	{"related.user", NA_GROUP_USER},
	{"netaudit.creator.", NA_GROUP_CREATOR},
	{"netaudit.closer.", NA_GROUP_CLOSER},
	{"agent.", NA_GROUP_HOST},
	{"ecs.", NA_GROUP_HOST},
	{"host.", NA_GROUP_HOST},
	{"labels", NA_GROUP_HOST},
	/* What is fixed for an event's type is stored too: a later version may fix it otherwise. */
	{"event.action", NA_GROUP_SHAPE},
	{"event.category", NA_GROUP_SHAPE},
	{"event.dataset", NA_GROUP_SHAPE},
	{"event.kind", NA_GROUP_SHAPE},
	{"event.module", NA_GROUP_SHAPE},
	{"event.outcome", NA_GROUP_SHAPE},
	{"event.provider", NA_GROUP_SHAPE},
	{"event.reason", NA_GROUP_SHAPE},
	{"event.type", NA_GROUP_SHAPE},
	{"error.", NA_GROUP_SHAPE},
	{"network.direction", NA_GROUP_SHAPE},
	{"network.iana_number", NA_GROUP_SHAPE},
	{"network.transport", NA_GROUP_SHAPE},
	{"network.type", NA_GROUP_SHAPE},
	{"netaudit.backlog", NA_GROUP_SHAPE},
	{"netaudit.closed_by", NA_GROUP_SHAPE},
	{"netaudit.event", NA_GROUP_SHAPE},
	{"netaudit.io_uring", NA_GROUP_SHAPE},
	{"netaudit.lost.program", NA_GROUP_SHAPE},
	{"netaudit.lost.reason", NA_GROUP_SHAPE},
	{"netaudit.operation", NA_GROUP_SHAPE},
	{"netaudit.policy", NA_GROUP_SHAPE},
	{"netaudit.shutdown_how", NA_GROUP_SHAPE},
	{"netaudit.socket.cookie", OWN},
	{"netaudit.socket.inode", OWN},
	{"netaudit.socket.", NA_GROUP_SHAPE},
	{"netaudit.source", NA_GROUP_SHAPE},
	{"netaudit.tcp.state_at_close", NA_GROUP_SHAPE},
	{"netaudit.unattributed", NA_GROUP_SHAPE},
};

static bool fits(const char *path, const char *rule)
{
	size_t length = strlen(rule);

	return rule[length - 1] == '.' ? strncmp(path, rule, length) == 0 : strcmp(path, rule) == 0;
}

static int group_of(const char *path)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
		if (fits(path, rules[i].path))
			return rules[i].group;
	return OWN;
}

/* ------------------------------------------------------------------------------------------- */

void na_groups_make(struct na_groups *ret_groups)
{
	memset(ret_groups, 0, sizeof(*ret_groups));
	for (size_t field = 0; field < NA_FIELD_COUNT; field++) {
		uint64_t bit = UINT64_C(1) << field % 64;
		int group = group_of(na_field_rows[field].path);

		if (na_field_rows[field].type == NA_TYPE_KEYWORDS)
			ret_groups->lists[field / 64] |= bit;
		if (group >= 0)
			ret_groups->of[group][field / 64] |= bit;
		else if (group == OWN)
			ret_groups->own[field / 64] |= bit;
	}
}
