/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration: defaults, files, mistakes and their places, merging, --set, --show, no memory.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "config/config.h"
#include "config/filter.h"
#include "config/hooks.h"
#include "config/number.h"
#include "config/option.h"
#include "config/value.h"
#include "failing_memory.h"
#include "journal/journal.h"

static char folder[] = "/tmp/netaudit-config-XXXXXX";

/* Writes a file in the test's folder, under a fixed name for each number. Returns its path. */
static const char *write_bytes(const char *name, const char *text, size_t length)
{
	static char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	fclose(file);
	return path;
}

static const char *write_file(const char *name, const char *text)
{
	return write_bytes(name, text, strlen(text));
}

static void remove_file(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	remove(path);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	remove_file("a.yaml");
	return rmdir(folder);
}

/* The messages without the folder's name, as a C string in a static buffer. */
static const char *messages_of(const struct na_config_errors *errors)
{
	static char text[32768];
	char *to = text;

	for (size_t i = 0; i < errors->text.length; i++) {
		if (strncmp(errors->text.data + i, folder, sizeof(folder) - 1) == 0 &&
		    i + sizeof(folder) <= errors->text.length)
			i += sizeof(folder);
		assert_true(to < text + sizeof(text) - 1);
		*to++ = errors->text.data[i];
	}
	*to = '\0';
	return text;
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < NA_OPTION_COUNT; i++) {
		const struct na_option *option = &na_options[i];
		bool list = na_option_is_list(option->type) || option->type == NA_OPTION_MAP ||
			    option->type == NA_OPTION_OUTPUTS || option->type == NA_OPTION_TEXT;
		enum na_option_type type = list ? NA_OPTION_NUMBER : option->type;

		if (type == NA_OPTION_SHARE)
			type = NA_OPTION_SIZE;
		assert_true(strlen(option->path) < NA_OPTION_PATH_MAX);
		assert_true(option->size <= sizeof(union na_value));
		assert_int_equal(*option->min != '\0', *option->max != '\0');
		if (*option->min)
			assert_true(na_value_limit(type, option->min) <=
				    na_value_limit(type, option->max));
		else
			assert_true(option->type == NA_OPTION_BOOL ||
				    option->type == NA_OPTION_ENUM);
	}
}

static void test_defaults(void **state)
{
	struct na_config *config = na_config_new(NULL);

	(void)state;
	assert_non_null(config);
	assert_int_equal(config->capture_attach, NA_CONFIG_ATTACH_AUTO);
	assert_int_equal(na_config_families(config), 1 << 2 | 1 << 10);
	assert_false(config->capture_seccomp);
	assert_true(config->capture_snapshot);
	assert_int_equal(config->capture_ring_size, 8 << 20);
	assert_int_equal(config->capture_rings, 0);
	assert_int_equal(config->capture_max_sockets, 262144);
	assert_int_equal(config->capture_max_flows, 65536);
	assert_int_equal(config->capture_flow_interval, 60 * NA_NS_PER_SEC);
	assert_int_equal(config->capture_exclude.count, 0);
	assert_false(config->process_events);
	assert_int_equal(config->process_redact.count, 0);
	assert_int_equal(config->process_max, 65536);
	assert_int_equal(config->labels.count, 0);
	assert_int_equal(config->log_level, NA_LOG_INFO);
	assert_int_equal(config->heartbeat_interval, 60 * NA_NS_PER_SEC);
	assert_string_equal(config->journal_path.data, "/var/lib/netaudit/journal");
	assert_true(config->journal_max_size == UINT64_C(2) << 30);
	assert_int_equal(config->journal_min_free.bytes, 0);
	assert_int_equal(config->journal_min_free.percent, 5);
	assert_int_equal(config->journal_sync, NA_JOURNAL_SYNC_INTERVAL);
	assert_int_equal(config->journal_sync_interval, 200 * NA_NS_PER_MS);
	assert_int_equal(config->journal_when_full, NA_JOURNAL_DROP_OLDEST);
	assert_string_equal(config->journal_tail.data, "/run/netaudit/tail");
	assert_int_equal(config->journal_tail_size, 128 << 20);
	assert_string_equal(config->ship_path.data, "/var/lib/netaudit/ship");
	assert_string_equal(config->ship_user.data, "netaudit");
	assert_string_equal(config->control_socket.data, "/run/netaudit/control.sock");
	assert_int_equal(config->outputs.count, 0);
	assert_int_equal(na_config_file_count(config), 0);
	na_config_free(config);
}

/* The names in options.def stand in the order of the enums that code compares with. */
static void test_enums(void **state)
{
	static const char *const levels[NA_LOG_COUNT] = {"error", "warning", "notice", "info",
							 "debug"};
	static const char *const tiers[NA_CONFIG_ATTACH_COUNT] = {"auto", "cgroup", "fexit", "lsm",
								  "kprobe"};
	struct na_config *config = na_config_new(NULL);
	struct na_config_errors errors = {0};
	char text[64];

	(void)state;
	for (unsigned int i = 0; i < NA_LOG_COUNT; i++) {
		snprintf(text, sizeof(text), "log.level=%s", levels[i]);
		assert_int_equal(na_config_set(config, text, &errors), 0);
		assert_int_equal(config->log_level, i);
	}
	assert_int_equal(na_config_set(config, "journal.sync=none", &errors), 0);
	assert_int_equal(config->journal_sync, NA_JOURNAL_SYNC_NONE);
	for (unsigned int i = 0; i < NA_CONFIG_ATTACH_COUNT; i++) {
		snprintf(text, sizeof(text), "capture.attach=%s", tiers[i]);
		assert_int_equal(na_config_set(config, text, &errors), 0);
		assert_int_equal(config->capture_attach, i);
	}
	na_config_free(config);
}

static const char whole[] =
	"capture:\n"
	"  attach: cgroup\n"
	"  families: [unix, inet, vsock]\n"
	"  seccomp: true\n"
	"  exclude:\n"
	"  - address=127.0.0.0/8,::1 exe=/usr/sbin/chronyd\n"
	"  - \"exe='/opt/my app' port=1-1023\"\n"
	"  snapshot: false\n"
	"  ring_size: 64KiB\n"
	"  rings: 2\n"
	"  max_sockets: 2000\n"
	"  max_flows: 3000\n"
	"  flow_interval: 90s\n"
	"process:\n"
	"  events: true\n"
	"  redact: [\"--password=*\", \"*token*\"]\n"
	"  max: 4096\n"
	"labels: {environment: production, site: \"fr\\u00e4\\x81\\n\\\"1\\\"\", n: 12}\n"
	"journal:\n"
	"  path: /j\n"
	"  max_size: 1TiB\n"
	"  min_free: 3 GiB\n"
	"  sync: always\n"
	"  sync_interval: 1s\n"
	"  when_full: drop-newest\n"
	"  tail: /t\n"
	"  tail_size: 2GiB\n"
	"ship: {path: /s, user: nobody}\n"
	"control: {socket: /c}\n"
	"log: {level: debug}\n"
	"heartbeat: {interval: 5s}\n";

static void test_whole(void **state)
{
	struct na_config *config = na_config_new(NULL);
	struct na_config_errors errors = {0};

	(void)state;
	if (na_config_load_file(config, write_file("a.yaml", whole), &errors))
		fail_msg("%s", messages_of(&errors));
	assert_int_equal(config->capture_attach, NA_CONFIG_ATTACH_CGROUP);
	assert_true(na_config_families(config) ==
		    (UINT64_C(1) << 1 | UINT64_C(1) << 2 | UINT64_C(1) << 40));
	assert_int_equal(config->capture_exclude.count, 2);
	assert_string_equal(config->capture_exclude.texts[1].data, "exe='/opt/my app' port=1-1023");
	assert_non_null(config->capture_exclude.filters[1]);
	assert_int_equal(config->capture_ring_size, 65536);
	assert_int_equal(config->capture_flow_interval, 90 * NA_NS_PER_SEC);
	assert_int_equal(config->process_redact.count, 2);
	assert_string_equal(config->process_redact.items[1].data, "*token*");
	assert_int_equal(config->labels.count, 3);
	assert_string_equal(config->labels.pairs[1].value.data, "fr\xc3\xa4\xc2\x81\n\"1\"");
	assert_string_equal(config->labels.pairs[2].value.data, "12");
	assert_int_equal(config->heartbeat_interval, 5 * NA_NS_PER_SEC);
	assert_string_equal(config->journal_path.data, "/j");
	assert_true(config->journal_max_size == UINT64_C(1) << 40);
	assert_true(config->journal_min_free.bytes == UINT64_C(3) << 30);
	assert_int_equal(config->journal_min_free.percent, 0);
	assert_int_equal(config->journal_sync, NA_JOURNAL_SYNC_ALWAYS);
	assert_int_equal(config->journal_when_full, NA_JOURNAL_DROP_NEWEST);
	assert_string_equal(config->ship_user.data, "nobody");
	assert_int_equal(na_config_file_count(config), 1);
	na_config_free(config);
}

/* File text, and every message. */
static const struct {
	const char *text, *messages;
} mistakes[] = {
	{"", ""},
	{"# nothing\n", ""},
	{"---\n", ""},
	{"capture:\nlabels:\n", ""},
	{"capture: {families: [all]}", ""},
	{"captur:\n  rings: 1\n",
	 "a.yaml:1:1: unknown key \"captur\", did you mean \"capture\"?\n"},
	{"capture:\n  famlies: [inet]\n",
	 "a.yaml:2:3: unknown key \"famlies\", did you mean \"families\"?\n"},
	{"families: [inet]\n",
	 "a.yaml:1:1: unknown key \"families\", did you mean \"capture.families\"?\n"},
	{"capture.attach: auto\n", "a.yaml:1:1: unknown key \"capture.attach\", each part of a "
				   "path is a key of its own here\n"},
	{"zzz: 1\n", "a.yaml:1:1: unknown key \"zzz\"\n"},
	{"\"a\\e\": 1\n", "a.yaml:1:1: unknown key \"a\\x1b\"\n"},
	{"[a]: 1\n", "a.yaml:1:1: a key has to be a text\n"},
	{"<<: {capture: {rings: 1}}\n", "a.yaml:1:1: unknown key \"<<\"\n"},
	{"capture:\n  rings: 1\n  rings: 2\n",
	 "a.yaml:3:3: capture.rings: given twice, first in line 2\n"},
	{"capture:\n  rings: 1\nlog:\ncapture:\n  attach: lsm\n",
	 "a.yaml:4:1: capture: given twice, first in line 1\n"},
	{"labels:\n  a: 1\n  a: 2\n", "a.yaml:3:3: labels: given twice, first in line 2\n"},
	{"capture: true\n", "a.yaml:1:10: capture: a group of keys is needed here\n"},
	{"- capture\n", "a.yaml:1:1: a group of keys is needed here\n"},
	{"capture:\n  rings: [1]\n",
	 "a.yaml:2:10: capture.rings: one value is needed here, not a list\n"},
	{"capture:\n  rings: {a: 1}\n",
	 "a.yaml:2:10: capture.rings: one value is needed here, not a group of keys\n"},
	{"capture:\n  families: {inet: 1}\n",
	 "a.yaml:2:13: capture.families: a list is needed here, as [inet,inet6]\n"},
	{"capture:\n  families: []\n", "a.yaml:2:13: capture.families: needs at least 1\n"},
	{"capture:\n  families: [inet, ipv6, [x]]\n",
	 "a.yaml:2:20: capture.families: \"ipv6\" is none of inet, inet6, unix, netlink, packet, "
	 "vsock, all\n"
	 "a.yaml:2:26: capture.families: each item of this list is a text\n"},
	{"capture:\n  attach: fexits\n", "a.yaml:2:11: capture.attach: \"fexits\" is none of auto, "
					 "cgroup, fexit, lsm, kprobe, did you mean \"fexit\"?\n"},
	{"capture:\n  attach:\n",
	 "a.yaml:2:10: capture.attach: a value is missing; without the key the default holds\n"},
	{"capture:\n  seccomp: yes\n",
	 "a.yaml:2:12: capture.seccomp: \"yes\" is neither true nor false\n"},
	{"capture:\n  rings: 17\n", "a.yaml:2:10: capture.rings: \"17\" is more than 16\n"},
	{"capture:\n  rings: -1\n", "a.yaml:2:10: capture.rings: \"-1\" is not a whole number\n"},
	{"capture:\n  rings: 1.5\n", "a.yaml:2:10: capture.rings: \"1.5\" is not a whole number\n"},
	{"capture:\n  rings: 4KiB\n",
	 "a.yaml:2:10: capture.rings: \"4KiB\" is not a whole number\n"},
	{"capture:\n  max_flows: 99999999999999999999\n",
	 "a.yaml:2:14: capture.max_flows: \"99999999999999999999\" is larger than anything\n"},
	{"capture:\n  ring_size: 5MiB\n",
	 "a.yaml:2:14: capture.ring_size: \"5MiB\" is not a power of two\n"},
	{"capture:\n  ring_size: 2KiB\n",
	 "a.yaml:2:14: capture.ring_size: \"2KiB\" is less than 4KiB\n"},
	{"capture:\n  ring_size: 2GiB\n",
	 "a.yaml:2:14: capture.ring_size: \"2GiB\" is more than 1GiB\n"},
	{"capture:\n  ring_size: 4MB\n", "a.yaml:2:14: capture.ring_size: \"4MB\" has the unknown "
					 "unit \"MB\", did you mean \"MiB\"?\n"},
	{"capture:\n  ring_size: big\n",
	 "a.yaml:2:14: capture.ring_size: \"big\" is not a size, as 4MiB\n"},
	{"capture:\n  ring_size: 99999999999999999GiB\n",
	 "a.yaml:2:14: capture.ring_size: \"99999999999999999GiB\" is larger than anything\n"},
	{"heartbeat:\n  interval: 60\n",
	 "a.yaml:2:13: heartbeat.interval: \"60\" has no unit: ns, us, ms, s, m, h or d\n"},
	{"heartbeat:\n  interval: 0\n", "a.yaml:2:13: heartbeat.interval: \"0\" is less than 1s\n"},
	{"heartbeat:\n  interval: 2h\n",
	 "a.yaml:2:13: heartbeat.interval: \"2h\" is more than 1h\n"},
	{"heartbeat:\n  interval: soon\n",
	 "a.yaml:2:13: heartbeat.interval: \"soon\" is not a duration, as 60s\n"},
	{"capture:\n  exclude:\n  - port=1\n  - \"exe=/x prot=80\"\n",
	 "a.yaml:4:5: capture.exclude: in this filter, column 8: unknown key \"prot\", did you "
	 "mean \"port\"?\n"},
	{"labels: [a]\n",
	 "a.yaml:1:9: labels: names with texts are needed here, as {name: text}\n"},
	{"labels: {a: [1]}\n", "a.yaml:1:10: labels: each name has one text\n"},
	{"labels: {a: }\n", "a.yaml:1:10: labels: each name has one text\n"},
	{"labels: {a.b: 1}\n",
	 "a.yaml:1:10: labels: \"a.b\" is no name: 1 to 64 of a-z A-Z 0-9 _ - are, not - first\n"},
	{"labels: {a: \"x\\0y\"}\n", "a.yaml:1:10: labels: a text cannot hold a NUL byte\n"},
	{"outputs: []\n", ""},
	{"journal:\n  path: \"\"\n",
	 "a.yaml:2:9: journal.path: a text of at least 1 byte is needed\n"},
	{"journal:\n  path: var/x\n",
	 "a.yaml:2:9: journal.path: \"var/x\" is not a path that begins with /\n"},
	{"journal:\n  min_free: 100%\n",
	 "a.yaml:2:13: journal.min_free: \"100%\" is not a share of 0% to 99%\n"},
	{"journal:\n  min_free: 1.5%\n",
	 "a.yaml:2:13: journal.min_free: \"1.5%\" is not a share of 0% to 99%\n"},
	{"journal:\n  min_free: much\n", "a.yaml:2:13: journal.min_free: \"much\" is neither a "
					 "size, as 1GiB, nor a share, as 5%\n"},
	{"journal:\n  min_free: 5GB\n", "a.yaml:2:13: journal.min_free: \"5GB\" has the unknown "
					"unit \"GB\", did you mean \"GiB\"?\n"},
	{"journal:\n  min_free: 1025TiB\n",
	 "a.yaml:2:13: journal.min_free: \"1025TiB\" is more than 1024TiB\n"},
	{"journal:\n  sync: allways\n  when_full: drop\n",
	 "a.yaml:2:9: journal.sync: \"allways\" is none of none, interval, always, did you mean "
	 "\"always\"?\n"
	 "a.yaml:3:14: journal.when_full: \"drop\" is none of drop-oldest, drop-newest\n"},
	{"output: []\n", "a.yaml:1:1: unknown key \"output\", did you mean \"outputs\"?\n"},
	{"tail_size: 1MiB\n",
	 "a.yaml:1:1: unknown key \"tail_size\", did you mean \"journal.tail_size\"?\n"},
	{"capture:\n  hooks: [socket_bind]\n", "a.yaml:2:10: capture.hooks: names with texts are "
					       "needed here, as {name: text}\n"},
	{"capture:\n  hooks:\n    socket_setsockop: event\n",
	 "a.yaml:3:5: capture.hooks: \"socket_setsockop\" is no security hook, did you mean "
	 "\"socket_setsockopt\"?\n"},
	{"capture:\n  hooks:\n    socket_bind: evnt\n    socket_listen: ~\n",
	 "a.yaml:3:5: capture.hooks: \"evnt\" is none of off, denied, count, event, did you mean "
	 "\"event\"?\n"
	 "a.yaml:4:5: capture.hooks: each name has one text\n"},
	{"capture:\n  hooks:\n    socket_bind: off\n    socket_bind: count\n",
	 "a.yaml:4:5: capture.hooks: given twice, first in line 3\n"},
	{"capture:\n  hooks:\n    socket_bind: {sample: 3}\n",
	 "a.yaml:3:18: capture.hooks: the mode is missing\n"},
	{"capture:\n  hooks:\n    socket_bind: {mode: event, sampel: 3}\n",
	 "a.yaml:3:32: capture.hooks: \"sampel\" is none of mode, sample, did you mean "
	 "\"sample\"?\n"},
	{"capture:\n  hooks:\n    socket_bind: {mode: event, mode: off}\n",
	 "a.yaml:3:32: capture.hooks: given twice\n"},
	{"capture:\n  hooks:\n    socket_bind: {mode: [event]}\n",
	 "a.yaml:3:19: capture.hooks: each key has one value\n"},
	{"capture:\n  hooks:\n    socket_bind: {mode: denied, sample: 3}\n",
	 "a.yaml:3:5: capture.hooks: a sample is of the mode event only\n"},
	{"capture:\n  hooks:\n    socket_bind: {mode: event, sample: 0}\n",
	 "a.yaml:3:5: capture.hooks: \"0\" is no sample: one call in 1 to 1000000\n"},
	{"capture:\n  hooks: {sock_graft: denied}\n",
	 "a.yaml:2:11: capture.hooks: sock_graft refuses nothing: off, count or event\n"},
	{"capture:\n  attach: x: y\n",
	 "a.yaml:2:12: not YAML: mapping values are not allowed in this context\n"},
	{"capture: [\n",
	 "a.yaml:2:1: not YAML: while parsing a flow node, did not find expected node content\n"},
	{"capture: *nobody\n", "a.yaml:1:10: not YAML: found undefined alias\n"},
	{"log: {level: info}\n---\nlog: {level: info}\n",
	 "a.yaml:3:1: a second document: there can be only one\n"},
	{"# \xc3\xa4\n# \xc3\xa4 \xff\n", "a.yaml:2:5: not YAML: invalid leading UTF-8 octet\n"},
	{"log: {level: \x01}\n", "a.yaml:1:14: not YAML: control characters are not allowed\n"},
	{"capture: {rings: x, attach: y}\nlog: {level: loud}\nx: 1\n",
	 "a.yaml:1:18: capture.rings: \"x\" is not a whole number\n"
	 "a.yaml:1:29: capture.attach: \"y\" is none of auto, cgroup, fexit, lsm, kprobe\n"
	 "a.yaml:2:14: log.level: \"loud\" is none of error, warning, notice, info, debug\n"
	 "a.yaml:3:1: unknown key \"x\"\n"},
	{"capture: &a {families: &b [*b], exclude: *a}\n", NULL},
};

static void test_mistakes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(*mistakes); i++) {
		const char *path = write_file("a.yaml", mistakes[i].text),
			   *wanted = mistakes[i].messages;
		struct na_config *config = na_config_new(NULL);
		struct na_config_errors errors = {0};
		int result = na_config_load_file(config, path, &errors);

		assert_int_equal(result, wanted && !*wanted ? 0 : -EINVAL);
		if (wanted)
			assert_string_equal(messages_of(&errors), wanted);
		na_config_errors_done(&errors);
		na_config_free(config);
	}
}

static void test_unreadable(void **state)
{
	struct na_config *config = na_config_new(NULL);
	struct na_config_errors errors = {0};
	NA_FREE char *large = malloc(2 << 20);

	(void)state;
	assert_int_equal(na_config_load_file(config, "/nowhere/x.yaml", &errors), -EINVAL);
	assert_int_equal(na_config_load_file(config, "/tmp", &errors), -EINVAL);
	assert_int_equal(na_config_load_folder(config, "/nowhere", &errors), -EINVAL);
	memset(large, '\n', 2 << 20);
	assert_int_equal(
		na_config_load_file(config, write_bytes("a.yaml", large, 2 << 20), &errors),
		-EINVAL);
	assert_string_equal(messages_of(&errors),
			    "/nowhere/x.yaml: cannot be read: No such file or directory\n"
			    "/tmp: cannot be read: Is a directory\n"
			    "/nowhere: cannot be read: No such file or directory\n"
			    "a.yaml: larger than 1048576 bytes\n");
	na_config_errors_done(&errors);
	na_config_free(config);
}

static void test_too_many(void **state)
{
	struct na_config *config = na_config_new(NULL);
	struct na_config_errors errors = {0};
	struct na_buffer text = {0};
	size_t lines = 0;

	(void)state;
	for (int i = 0; i < 20000; i++)
		na_buffer_printf(&text, "key%d: 1\n", i);
	assert_int_equal(
		na_config_load_file(config, write_bytes("a.yaml", text.data, text.length), &errors),
		-EINVAL);
	for (size_t i = 0; i < errors.text.length; i++)
		lines += errors.text.data[i] == '\n';
	assert_int_equal(lines, NA_CONFIG_ERRORS_MAX + 1);
	assert_non_null(strstr(messages_of(&errors),
			       "a.yaml: too many mistakes, the rest was not looked at\n"));
	na_buffer_done(&text);
	na_config_errors_done(&errors);
	na_config_free(config);
}

/* Byte order: Z before a. Maps merge, lists and single values are replaced, a folder's later file
 * wins. */
static void test_merge(void **state)
{
	struct na_config *config = na_config_new(NULL);
	struct na_config_errors errors = {0};

	(void)state;
	remove_file("a.yaml");
	write_file("Z.yaml", "labels: {a: '1', b: '1'}\ncapture: {rings: 1, families: [unix], "
			     "max_flows: 2000}\n");
	write_file("a.yaml", "labels: {c: '2', b: '2'}\ncapture: {rings: 2, families: [packet]}\n");
	write_file(".b.yaml", "wrong: 1\n");
	write_file("b.yaml~", "wrong: 1\n");
	assert_int_equal(na_config_load_folder(config, folder, &errors), 0);
	assert_int_equal(na_config_file_count(config), 2);
	assert_int_equal(config->capture_rings, 2);
	assert_int_equal(config->capture_max_flows, 2000);
	assert_int_equal(na_config_families(config), 1 << 17);
	assert_int_equal(config->labels.count, 3);
	assert_string_equal(config->labels.pairs[0].value.data, "1");
	assert_string_equal(config->labels.pairs[1].value.data, "2");
	assert_string_equal(config->labels.pairs[2].value.data, "2");
	write_file("c.yml", "log:\n");
	write_file("b.yaml", "wrong: 1\n");
	assert_int_equal(na_config_load_folder(config, folder, &errors), -EINVAL);
	assert_string_equal(messages_of(&errors),
			    "b.yaml:1:1: unknown key \"wrong\"\n"
			    "c.yml: not read: only names that end in .yaml are\n");
	na_config_errors_done(&errors);
	na_config_free(config);
	remove_file("Z.yaml");
	remove_file("b.yaml");
	remove_file("b.yaml~");
	remove_file(".b.yaml");
	remove_file("c.yml");
}

static void test_set(void **state)
{
	static const char *const good[] = {
		"capture.rings=3",
		"capture.families=unix,inet",
		"capture.families=[packet, vsock]",
		"capture.exclude=address=127.0.0.0/8,::1 uid=0",
		"process.redact=[a, \"b,c\"]",
		"labels.site=a=b",
		"labels={x: '1', site: y}",
		"log.level=error",
		"heartbeat.interval=1500 ms",
		"capture.seccomp=true",
		"process.redact=",
	};
	struct na_config *config = na_config_new(NULL);
	struct na_config_errors errors = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		if (na_config_set(config, good[i], &errors))
			fail_msg("%s", messages_of(&errors));
	assert_int_equal(config->capture_rings, 3);
	assert_true(na_config_families(config) == (UINT64_C(1) << 17 | UINT64_C(1) << 40));
	assert_int_equal(config->capture_exclude.count, 1);
	assert_int_equal(config->process_redact.count, 0);
	assert_int_equal(config->labels.count, 2);
	assert_string_equal(config->labels.pairs[0].value.data, "y");
	assert_int_equal(config->log_level, NA_LOG_ERROR);
	assert_int_equal(config->heartbeat_interval, 1500 * NA_NS_PER_MS);
	na_config_free(config);
}

static const struct {
	const char *assignment, *message;
} set_mistakes[] = {
	{"capture.rings", "--set: capture.rings: key.path=value is needed\n"},
	{"=1", "--set: =1: key.path=value is needed\n"},
	{"capture.ring=1", "--set: capture.ring: unknown key, did you mean \"rings\"?\n"},
	{"level=info", "--set: level: unknown key, did you mean \"log.level\"?\n"},
	{"capture=1", "--set: capture: a group of keys, name one of them\n"},
	{"outputs=x", "--set: outputs: a list is needed here, as [{name: one, type: file}]\n"},
	{"outputs.x=1", "--set: outputs.x: unknown key\n"},
	{"journal.path=x", "--set: journal.path: \"x\" is not a path that begins with /\n"},
	{"capture.hooks.x=off", "--set: capture.hooks: \"x\" is no security hook\n"},
	{"capture.hooks.socket_bind=event/x",
	 "--set: capture.hooks: \"x\" is no sample: one call in 1 to 1000000\n"},
	{"capture.rings=17", "--set: capture.rings: \"17\" is more than 16\n"},
	{"capture.rings=", "--set: capture.rings: \"\" is not a whole number\n"},
	{"capture.families=", "--set: capture.families: needs at least 1\n"},
	{"capture.families=inet,ipx", "--set: capture.families: \"ipx\" is none of inet, inet6, "
				      "unix, netlink, packet, vsock, all\n"},
	{"capture.families=[inet", "--set: capture.families: not YAML: while parsing a flow "
				   "sequence, did not find expected ',' or ']'\n"},
	{"capture.exclude=prot=1", "--set: capture.exclude: in this filter, column 1: unknown key "
				   "\"prot\", did you mean \"port\"?\n"},
	{"labels=x", "--set: labels: names with texts are needed here, as {name: text}\n"},
	{"labels.=x",
	 "--set: labels: \"\" is no name: 1 to 64 of a-z A-Z 0-9 _ - are, not - first\n"},
	{"labels.a=\xff", "--set: labels: a text has to be UTF-8\n"},
};

static void test_set_mistakes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(set_mistakes) / sizeof(*set_mistakes); i++) {
		struct na_config *config = na_config_new(NULL);
		struct na_config_errors errors = {0};

		assert_int_equal(na_config_set(config, set_mistakes[i].assignment, &errors),
				 -EINVAL);
		assert_string_equal(messages_of(&errors), set_mistakes[i].message);
		na_config_errors_done(&errors);
		na_config_free(config);
	}
}

static void show(const struct na_config *config, struct na_buffer *out)
{
	na_buffer_clear(out);
	assert_int_equal(na_config_show(config, out), 0);
	na_buffer_append_char(out, '\0');
}

static void test_show(void **state)
{
	struct na_config *config = na_config_new(NULL), *again = na_config_new(NULL);
	struct na_config_errors errors = {0};
	struct na_buffer first = {0}, second = {0};

	(void)state;
	assert_int_equal(na_config_load_file(config, write_file("a.yaml", whole), &errors), 0);
	assert_int_equal(na_config_set(config, "capture.rings=3", &errors), 0);
	assert_int_equal(na_config_set(config, "labels.n=13", &errors), 0);
	show(config, &first);
	assert_non_null(strstr(first.data, "\n  rings: 3                          # --set\n"));
	assert_non_null(strstr(first.data, "\n  n: \"13\"                           # --set\n"));
	assert_non_null(strstr(first.data, "\n  ring_size: 64KiB                  # /tmp/"));
	assert_non_null(strstr(first.data, "/a.yaml:9\n"));
	assert_non_null(strstr(first.data, "\n    - \"exe='/opt/my app' port=1-1023\"\n"));

	/* What it prints loads again, to the same. */
	if (na_config_load_file(again, write_file("a.yaml", first.data), &errors))
		fail_msg("%s", messages_of(&errors));
	show(again, &second);
	for (char *a = strtok(first.data, "\n"), *b = second.data; a; a = strtok(NULL, "\n")) {
		size_t length = strcspn(a, "#");

		assert_memory_equal(a, b, length);
		b += strcspn(b, "\n") + 1;
	}
	na_buffer_done(&first);
	na_buffer_done(&second);
	na_config_free(config);
	na_config_free(again);
}

/* capture.hooks over the defaults, as a file has it and as --set has; and shown so that it loads.
 */
static void test_hooks(void **state)
{
	struct na_hook_setting settings[NA_HOOK_COUNT];
	struct na_config *config = na_config_new(NULL);
	struct na_config_errors errors = {0};
	struct na_buffer shown = {0};
	const char *path = write_file("a.yaml", "capture:\n"
						"  hooks:\n"
						"    socket_bind: {sample: 10, mode: event}\n"
						"    socket_listen: off\n");

	(void)state;
	if (na_config_load_file(config, path, &errors))
		fail_msg("%s", messages_of(&errors));
	assert_int_equal(na_config_set(config, "capture.hooks.sock_graft=event/3", &errors), 0);
	assert_int_equal(na_config_set(config, "capture.hooks={socket_connect: count}", &errors),
			 0);
	na_config_hooks(config, settings);
	assert_int_equal(settings[NA_HOOK_SOCKET_BIND].mode, NA_HOOK_MODE_EVENT);
	assert_int_equal(settings[NA_HOOK_SOCKET_BIND].sample, 10);
	assert_true(settings[NA_HOOK_SOCKET_BIND].asked);
	assert_int_equal(settings[NA_HOOK_SOCKET_LISTEN].mode, NA_HOOK_MODE_OFF);
	assert_int_equal(settings[NA_HOOK_SOCK_GRAFT].sample, 3);
	assert_int_equal(settings[NA_HOOK_SOCKET_CONNECT].mode, NA_HOOK_MODE_COUNT);
	assert_int_equal(settings[NA_HOOK_SOCKET_ACCEPT].mode, NA_HOOK_MODE_DENIED);
	assert_int_equal(settings[NA_HOOK_SOCKET_ACCEPT].sample, 1);
	assert_false(settings[NA_HOOK_SOCKET_ACCEPT].asked);
	show(config, &shown);
	assert_non_null(strstr(shown.data, "\n    socket_bind: {mode: event, sample: 10} # /tmp/"));
	assert_non_null(strstr(shown.data, "\n    socket_listen: off"));
	assert_int_equal(na_config_load_text(config, na_text_of(shown.data), "shown", &errors), 0);
	na_buffer_done(&shown);
	na_config_free(config);
}

static void test_numbers(void **state)
{
	static const struct {
		enum na_option_type type;
		const char *text, *printed;
		uint64_t number;
	} numbers[] = {
		{NA_OPTION_SIZE, "4096", "4KiB", 4096},
		{NA_OPTION_SIZE, "4097B", "4097B", 4097},
		{NA_OPTION_SIZE, "0", "0", 0},
		{NA_OPTION_SIZE, "3 MiB", "3MiB", 3 << 20},
		{NA_OPTION_SIZE, "1024MiB", "1GiB", 1 << 30},
		{NA_OPTION_SIZE, "2048GiB", "2TiB", UINT64_C(2) << 40},
		{NA_OPTION_DURATION, "1ns", "1ns", 1},
		{NA_OPTION_DURATION, "5us", "5us", 5000},
		{NA_OPTION_DURATION, "90s", "90s", 90000000000},
		{NA_OPTION_DURATION, "120s", "2m", 120000000000},
		{NA_OPTION_DURATION, "0", "0s", 0},
		{NA_OPTION_DURATION, "24h", "1d", 86400000000000},
		{NA_OPTION_NUMBER, "007", "7", 7},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		struct na_buffer out = {0};
		uint64_t number = 0;

		assert_int_equal(na_number_parse(numbers[i].type, na_text_of(numbers[i].text),
						 &number, &out),
				 0);
		assert_true(number == numbers[i].number);
		na_number_print(numbers[i].type, number, &out);
		na_buffer_append_char(&out, '\0');
		assert_string_equal(out.data, numbers[i].printed);
		na_buffer_done(&out);
	}
}

/* conf.d/00-default.yaml as it is, and with every key uncommented: the defaults, and none left out.
 */
static void test_default_file(void **state)
{
	struct na_config *config = na_config_new(NULL), *plain = na_config_new(NULL);
	struct na_config_errors errors = {0};
	struct na_buffer text = {0}, shown = {0}, defaults = {0};
	NA_FCLOSE FILE *file = fopen(NA_CONF_D "/00-default.yaml", "re");
	char line[256];

	(void)state;
	if (na_config_load_file(plain, NA_CONF_D "/00-default.yaml", &errors))
		fail_msg("%s", messages_of(&errors));
	assert_int_equal(na_config_file_count(plain), 1);
	show(plain, &defaults);
	assert_null(strstr(defaults.data, "yaml"));
	while (fgets(line, sizeof(line), file)) {
		size_t indent = strspn(line, " ");

		if (line[indent] == '#' && line[indent + 1] != ' ' && line[indent + 1] != '\n')
			memmove(line + indent, line + indent + 1, strlen(line + indent));
		na_buffer_append_string(&text, line);
	}
	if (na_config_load_file(config, write_bytes("a.yaml", text.data, text.length), &errors))
		fail_msg("%s", messages_of(&errors));
	show(config, &shown);
	for (char *a = strtok(shown.data, "\n"), *b = defaults.data; a; a = strtok(NULL, "\n")) {
		assert_memory_equal(a, b, strcspn(a, "#"));
		b += strcspn(b, "\n") + 1;
		if (!strstr(a, "labels") && !strstr(a, "hooks") && strchr(a, '#'))
			assert_null(strstr(a, "# default"));
	}
	na_buffer_done(&text);
	na_buffer_done(&shown);
	na_buffer_done(&defaults);
	na_config_free(config);
	na_config_free(plain);
}

/* Loads, sets and shows; 0 or the first error. */
static int do_everything(const char *path, struct na_config_errors *errors)
{
	struct na_config *config = na_config_new(NULL);
	struct na_buffer out = {0};
	int error = config ? na_config_load_file(config, path, errors) : -ENOMEM;

	if (!error)
		error = na_config_load_folder(config, folder, errors);
	if (!error)
		error = na_config_set(config, "labels.more=1", errors);
	if (!error)
		error = na_config_set(config, "process.redact=[a, b]", errors);
	if (!error)
		error = na_config_show(config, &out);
	na_buffer_done(&out);
	na_config_free(config);
	return error;
}

static void fail_each(const char *path, int wanted)
{
	unsigned long n = 0;
	int error;

	do {
		struct na_config_errors errors = {0};

		na_memory_fail_at(++n);
		error = do_everything(path, &errors);
		assert_true(!na_memory_has_failed() || error == -ENOMEM || error == wanted);
		na_config_errors_done(&errors);
	} while (na_memory_has_failed() && n < 5000);
	na_memory_fail_at(0);
	assert_int_equal(error, wanted);
	assert_true(n > 5 && n < 5000);
}

static void test_no_memory(void **state)
{
	(void)state;
	fail_each(write_file("a.yaml", whole), 0);
	fail_each(write_file("a.yaml",
			     "capture: {rings: x, exclude: [prot=1]}\nlabels: {a: [b]}\nz: 1\n"),
		  -EINVAL);
}

/* A valid file with bytes changed; the sanitizers judge. */
static void test_random(void **state)
{
	static const char alphabet[] = "{}[]:,#&*!|>'\"%@`-? \n\t\\ax0\xc3\xa4\xff";
	unsigned int seed = 1;
	char text[sizeof(whole)];

	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct na_config *config = na_config_new(NULL);
		struct na_config_errors errors = {0};
		size_t length = (size_t)rand_r(&seed) % sizeof(text);
		int error;

		memcpy(text, whole, sizeof(text));
		for (int change = rand_r(&seed) % 8; change > 0; change--)
			text[(size_t)rand_r(&seed) % sizeof(text)] =
				alphabet[(size_t)rand_r(&seed) % sizeof(alphabet)];
		error = na_config_load_file(config, write_bytes("a.yaml", text, length), &errors);
		assert_int_equal(error, errors.count ? -EINVAL : 0);
		text[sizeof(text) - 1] = '\0';
		na_config_set(config, text + length, &errors);
		na_config_errors_done(&errors);
		na_config_free(config);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),         cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_enums),        cmocka_unit_test(test_whole),
		cmocka_unit_test(test_mistakes),     cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_too_many),     cmocka_unit_test(test_merge),
		cmocka_unit_test(test_set),          cmocka_unit_test(test_set_mistakes),
		cmocka_unit_test(test_show),         cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_default_file), cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_random),       cmocka_unit_test(test_hooks),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
