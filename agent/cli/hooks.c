/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `netaudit hooks`: attaches as the agent would, tests itself, and tells of every program whether
 * it works, what it costs and what it lost; then detaches.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/capture_options.h"
#include "cli/hooks_detach.h"
#include "cli/hook_table.h"
#include "cli/options.h"

#define SELF_TEST_NS (5 * NA_NS_PER_SEC)
#define PRICE_ROUNDS 15
#define PRICE_CALLS 2000
#define WIDTH 80
#define SOURCE_WIDTH 26 /* a longer one has a line for itself */
#define REASON_AT 36

struct hooks_options {
	struct na_cli_config_options config;
	bool json, detach;
};

static const struct na_usage_option options_table[] = {
	NA_CLI_CONFIG_OPTIONS(struct hooks_options, config),
	{"json", 0, NA_USAGE_FLAG, NULL, offsetof(struct hooks_options, json), "print JSON"},
	{"detach", 0, NA_USAGE_FLAG, NULL, offsetof(struct hooks_options, detach),
	 "remove the programs that an agent which has ended left for the next one"},
};

static const struct na_usage usage = {
	.command = "hooks",
	.options = options_table,
	.option_count = sizeof(options_table) / sizeof(*options_table),
	.details =
		"RUNS and NS (nanoseconds a run) are of the time this command takes; LOST counts\n"
		"records that found no room, SKIPPED runs that the kernel left out (?: this\n"
		"kernel does not count them). Exit status 69 when the kernel cannot or the\n"
		"self-test fails, 77 when a capability is missing; of --detach 75 while an agent\n"
		"runs, or when the service manager keeps some of them.",
};

/* Nanoseconds, the least of several rounds. */
struct price {
	double call; /* getppid */
	double file; /* open and close of a file */
};

struct findings {
	struct na_program_state programs[NA_PROGRAM_COUNT];
	struct na_hook_state hooks[NA_HOOK_COUNT];
	int self_test;              /* 0 or negative errno */
	struct na_buffer why;       /* of the self-test */
	struct price with, without; /* the programs */
	enum na_tier tier;          /* of the hooks */
	int tiers[NA_TIER_COUNT];   /* of examine_tier */
	struct na_buffer tier_whys[NA_TIER_COUNT];
};

static int forget(void *context, const struct na_record_header *record)
{
	(void)context;
	(void)record;
	return 0;
}

static void call_once(void)
{
	syscall(SYS_getppid);
}

static void open_once(void)
{
	NA_CLOSE int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)fd;
}

static double time_least(void (*once)(void))
{
	uint64_t least_ns = UINT64_MAX;

	for (int round = 0; round < PRICE_ROUNDS; round++) {
		uint64_t start_ns = na_clock_boot_ns(), took_ns;

		for (int i = 0; i < PRICE_CALLS; i++)
			once();
		took_ns = na_clock_boot_ns() - start_ns;
		if (took_ns < least_ns)
			least_ns = took_ns;
	}
	return (double)least_ns / PRICE_CALLS;
}

static struct price measure(void)
{
	return (struct price){time_least(call_once), time_least(open_once)};
}

static void findings_done(struct findings *findings)
{
	na_buffer_done(&findings->why);
	for (int tier = 0; tier < NA_TIER_COUNT; tier++)
		na_buffer_done(&findings->tier_whys[tier]);
}

static int examine_tier(const struct na_capture *capture, enum na_tier tier, struct na_buffer *why)
{
	const char *refused = na_capture_tier_refused(capture, tier);

	if (!*refused)
		return na_tier_probe(tier, why);
	na_buffer_append_string(why, refused);
	return -EOPNOTSUPP;
}

static void examine(struct na_capture *capture, struct findings *findings)
{
	findings->self_test =
		na_capture_self_test(capture, SELF_TEST_NS, forget, NULL, &findings->why);
	memcpy(findings->programs, na_capture_programs(capture), sizeof(findings->programs));
	na_capture_hooks(capture, findings->hooks);
	findings->tier = na_capture_tier(capture);
	na_capture_set_statistics(capture, false);
	findings->with = measure();
	na_capture_detach(capture);
	findings->without = measure();
	for (int tier = NA_TIER_CGROUP; tier < NA_TIER_COUNT; tier++)
		findings->tiers[tier] =
			examine_tier(capture, (enum na_tier)tier, &findings->tier_whys[tier]);
}

static const char *state_of(const struct na_program_state *state)
{
	if (!state->attached)
		return "off";
	if (!strcmp(state->tier, "stand-in"))
		return "ready"; /* it works only when another is skipped */
	if (!state->in_self_test)
		return "untested";
	return state->fed_self_test ? "works" : "silent";
}

/* In five columns: 99999, 12.3M. */
static void append_count(struct na_buffer *out, uint64_t count)
{
	if (count < 100000)
		na_buffer_printf(out, " %5llu", (unsigned long long)count);
	else if (count < 10000000)
		na_buffer_printf(out, " %4lluk", (unsigned long long)count / 1000);
	else
		na_buffer_printf(out, " %4lluM", (unsigned long long)count / 1000000);
}

static void append_program(struct na_buffer *out, const struct na_program_state *state)
{
	const char *source = state->source;
	size_t line;

	if (strlen(source) > SOURCE_WIDTH) {
		na_buffer_printf(out, "%s\n", source);
		source = "";
	}
	line = out->length;
	na_buffer_printf(out, "%-*s %-8s ", SOURCE_WIDTH, source, state_of(state));
	if (!state->attached) {
		na_hook_table_wrap(out, state->reason, REASON_AT, WIDTH - REASON_AT);
		return;
	}
	out->length--;
	append_count(out, state->runs);
	append_count(out, state->runs ? state->run_ns / state->runs : 0);
	append_count(out, state->lost);
	if (state->skipped_known) {
		na_buffer_append_string(out, "  ");
		append_count(out, state->skipped);
	} else {
		na_buffer_append_string(out, "       ?");
	}
	na_buffer_append_string(out, "  ");
	na_hook_table_wrap(out, *state->feeds ? state->feeds : "-", out->length - line,
			   WIDTH - (out->length - line));
}

/* Of a tier that is not in use its own line tells why, of a hook its own: not each program. */
static bool is_listed(const struct findings *findings, int id)
{
	const char *tier = findings->programs[id].tier;

	if (id == NA_PROGRAM_AGENT)
		return false;
	if (findings->programs[id].attached || findings->programs[id].hook)
		return findings->programs[id].attached;
	for (int other = NA_TIER_FEXIT; other < NA_TIER_COUNT; other++)
		if (!strcmp(tier, na_tier_name((enum na_tier)other)))
			return other == (int)findings->tier;
	return strcmp(tier, "trampoline") != 0 || findings->tier == NA_TIER_FEXIT ||
	       findings->tier == NA_TIER_LSM;
}

static void append_self_test(struct na_buffer *out, const struct findings *findings)
{
	na_buffer_append_string(out, "\nself-test   ");
	if (!findings->self_test && !findings->why.length) {
		na_buffer_append_string(out, "passed: every program reported it\n");
		return;
	}
	na_buffer_append_string(out, findings->self_test ? "FAILED: " : "passed, ");
	if (findings->self_test && findings->self_test != -ETIME)
		na_buffer_printf(out, "%s; ", strerrordesc_np(-findings->self_test));
	na_hook_table_wrap(out, findings->why.data, 12, WIDTH - 12 - 8);
}

static double at_least_0(double value)
{
	return value > 0 ? value : 0;
}

static void append_price(struct na_buffer *out, const struct findings *findings)
{
	const struct price *with = &findings->with, *without = &findings->without;
	bool frees = findings->programs[NA_PROGRAM_FILE_FREE].attached;
	bool calls = findings->programs[NA_PROGRAM_SYS_EXIT].attached;

	na_buffer_printf(out,
			 "price       %+.0f ns on each system call of the host (%.0f without)\n"
			 "            %+.0f ns on opening and closing a file (%.0f without)\n",
			 at_least_0(with->call - without->call), without->call,
			 at_least_0(with->file - without->file), without->file);
	if (calls || frees)
		na_buffer_printf(out, "            by %s%s%s\n", calls ? "tp_btf/sys_exit" : "",
				 calls && frees ? " and " : "",
				 frees ? "raw_tp/kmem_cache_free" : "");
}

/* The cgroup tier is under all others: they take from it what they tell better. */
static bool is_used(const struct findings *findings, enum na_tier tier)
{
	return !findings->tiers[tier] && (tier == NA_TIER_CGROUP || tier == findings->tier);
}

static void append_tiers(struct na_buffer *out, const struct findings *findings)
{
	for (int tier = NA_TIER_CGROUP; tier < NA_TIER_COUNT; tier++) {
		const struct na_buffer *why = &findings->tier_whys[tier];

		na_buffer_printf(out, "%-11s %-6s  ", tier == NA_TIER_CGROUP ? "tiers" : "",
				 na_tier_name((enum na_tier)tier));
		if (is_used(findings, (enum na_tier)tier))
			na_buffer_append_string(out, "in use\n");
		else if (!findings->tiers[tier])
			na_buffer_append_string(out, "possible here, not in use\n");
		else
			na_hook_table_wrap(out, why->data, 20, WIDTH - 20);
	}
}

static void append_table(struct na_buffer *out, const struct findings *findings)
{
	na_buffer_printf(out, "%-26s %-8s %5s %5s %5s %7s  %s\n", "SOURCE", "STATE", "RUNS", "NS",
			 "LOST", "SKIPPED", "FEEDS");
	for (int id = NA_PROGRAM_NONE + 1; id < NA_PROGRAM_COUNT; id++)
		if (is_listed(findings, id))
			append_program(out, &findings->programs[id]);
	na_hook_table_append(out, findings->hooks, findings->programs);
	append_self_test(out, findings);
	append_price(out, findings);
	append_tiers(out, findings);
}

static json_t *json_names(const char *names)
{
	json_t *list = json_array();

	while (*names) {
		size_t length = strcspn(names, " ");

		json_array_append_new(list, json_stringn(names, length));
		names += length + strspn(names + length, " ");
	}
	return list;
}

static json_t *json_program(const struct na_program_state *state)
{
	return json_pack(
		"{s:s s:s s:s s:o s:s s:b s:s* s:I s:I s:I s:I s:o}", "source", state->source,
		"tier", state->tier, "doc", state->doc, "feeds", json_names(state->feeds), "state",
		state_of(state), "attached", state->attached, "reason",
		state->attached ? NULL : state->reason, "runs", (json_int_t)state->runs,
		"ns_per_run", (json_int_t)(state->runs ? state->run_ns / state->runs : 0),
		"verified_instructions", (json_int_t)state->verified, "lost",
		(json_int_t)state->lost, "skipped",
		state->skipped_known ? json_integer((json_int_t)state->skipped) : json_null());
}

static json_t *json_of(const struct findings *findings)
{
	json_t *programs = json_array(), *tiers = json_array();

	for (int id = NA_PROGRAM_NONE + 1; id < NA_PROGRAM_COUNT; id++)
		if (is_listed(findings, id))
			json_array_append_new(programs, json_program(&findings->programs[id]));
	for (int tier = NA_TIER_CGROUP; tier < NA_TIER_COUNT; tier++)
		json_array_append_new(
			tiers,
			json_pack("{s:s s:b s:b s:s*}", "tier", na_tier_name((enum na_tier)tier),
				  "possible", !findings->tiers[tier], "used",
				  is_used(findings, (enum na_tier)tier), "reason",
				  findings->tiers[tier] ? findings->tier_whys[tier].data : NULL));
	return json_pack("{s:o s:o s:{s:b s:s*} s:{s:f s:f s:f s:f} s:o}", "programs", programs,
			 "hooks", na_hook_table_json(findings->hooks, findings->programs),
			 "self_test", "passed", !findings->self_test, "message", findings->why.data,
			 "price", "call_ns",
			 at_least_0(findings->with.call - findings->without.call), "call_base_ns",
			 findings->without.call, "open_close_ns",
			 at_least_0(findings->with.file - findings->without.file),
			 "open_close_base_ns", findings->without.file, "tiers", tiers);
}

static int append_json(struct na_buffer *out, const struct findings *findings)
{
	json_t *json = json_of(findings);
	char *text = json ? json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) : NULL;

	if (text)
		na_buffer_printf(out, "%s\n", text);
	free(text);
	json_decref(json);
	return text ? 0 : -ENOMEM;
}

/* Texts end with NUL from here on. */
static void terminate(struct findings *findings)
{
	if (findings->why.length)
		na_buffer_append_char(&findings->why, '\0');
	for (int tier = 0; tier < NA_TIER_COUNT; tier++)
		na_buffer_append_char(&findings->tier_whys[tier], '\0');
}

static int print(struct findings *findings, bool json)
{
	struct na_buffer out = {0};
	int error = 0, result;

	terminate(findings);
	if (json)
		error = append_json(&out, findings);
	else
		append_table(&out, findings);
	result = error < 0 || na_buffer_error(&out) ? na_command_out_of_memory()
						    : na_command_print(&out);
	na_buffer_done(&out);
	if (result == NA_EXIT_DONE && findings->self_test)
		result = NA_EXIT_UNAVAILABLE;
	return result;
}

static int run(const struct na_capture_options *options, bool json)
{
	struct findings findings = {0};
	struct na_capture *capture;
	struct na_buffer why = {0};
	int result, error = na_capture_open(options, &capture, &why);

	if (error < 0) {
		fprintf(stderr, "netaudit: %.*s\n", (int)why.length, why.data ? why.data : "");
		na_buffer_done(&why);
		return na_cli_capture_exit(error);
	}
	examine(capture, &findings);
	na_capture_close(&capture);
	result = print(&findings, json);
	findings_done(&findings);
	return result;
}

/* ------------------------------------------------------------------------------------------- */

int na_cmd_hooks(int argc, char **argv)
{
	struct hooks_options options = {0};
	struct na_capture_options capture_options;
	struct na_config *config;
	struct na_rules *rules;
	NA_FREE bool *taken = NULL;
	int first, result;

	if (!na_usage_parse(&usage, argc, argv, &options, &first, &result))
		return result;
	if (options.detach)
		return na_hooks_detach();
	result = na_cli_config(&options.config, &config);
	if (result != NA_EXIT_DONE)
		return result;
	taken = calloc(config->capture_exclude.count + 1, sizeof(*taken));
	if (!taken || na_cli_capture_options(config, taken, &capture_options, &rules) < 0) {
		na_config_free(config);
		return na_command_out_of_memory();
	}
	capture_options.statistics = true;
	result = run(&capture_options, options.json);
	na_rules_free(rules);
	na_config_free(config);
	return result;
}
