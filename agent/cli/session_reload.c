/* SPDX-License-Identifier: Apache-2.0 */
/* A session's configuration: what it excludes, and how another one takes effect. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cli/options.h"
#include "cli/outputs.h"
#include "cli/session_capture.h"
#include "config/difference.h"
#include "config/hooks.h"

struct changes {
	bool labels, outputs, excluded, hooks;
};

/* Does the kernel apply this filter? It began with those of the first configuration. */
static bool is_in_kernel(const struct na_source *source, struct na_text filter)
{
	const struct na_config *first = source->first ? source->first : source->session->config;

	for (size_t i = 0; i < first->capture_exclude.count; i++) {
		struct na_text text = first->capture_exclude.texts[i];

		if (source->in_kernel[i] && text.length == filter.length &&
		    memcmp(text.data, filter.data, text.length) == 0)
			return true;
	}
	return false;
}

static void take_change(void *context, const struct na_config_change *change)
{
	struct changes *changes = context;

	if (change->restart) {
		na_log_warning("reload: %s needs a restart, and stays at %s", change->path,
			       change->was);
		return;
	}
	changes->labels |= strcmp(change->path, "labels") == 0;
	changes->excluded |= strcmp(change->path, "capture.exclude") == 0;
	changes->hooks |= strcmp(change->path, "capture.hooks") == 0;
	changes->outputs |= strcmp(change->path, "log.level") == 0; /* theirs as well */
	if (strncmp(change->path, "outputs", strlen("outputs")) != 0) {
		na_log_notice("reload: %s is now %s", change->path, change->now);
		return;
	}
	changes->outputs = true; /* values of outputs may be secrets */
	na_log_notice("reload: %s %s", change->path,
		      !change->was  ? "is new"
		      : change->now ? "has changed"
				    : "is gone");
}

/* A program that is loaded goes on with its filters. */
static void tell_stuck(const struct na_source *source)
{
	const struct na_config *first = source->first, *config = source->session->config;

	for (size_t i = 0; i < first->capture_exclude.count; i++) {
		struct na_text text = first->capture_exclude.texts[i];
		bool found = !source->in_kernel[i];

		for (size_t j = 0; j < config->capture_exclude.count && !found; j++)
			found = strcmp(config->capture_exclude.texts[j].data, text.data) == 0;
		if (!found)
			na_log_warning("reload: the kernel applies the exclusion \"%s\" until "
				       "netaudit is started again",
				       text.data);
	}
}

/* Modes are values in the kernel; but no program can be attached with the rights that are left. */
static void apply_hooks(struct na_source *source)
{
	struct na_hook_setting settings[NA_HOOK_COUNT];
	uint64_t stuck;

	na_config_hooks(source->session->config, settings);
	na_capture_set_hooks(source->capture, settings, &stuck);
	for (int hook = 1; hook < NA_HOOK_COUNT; hook++)
		if (stuck >> hook & 1)
			na_log_warning("reload: capture.hooks: %s: %s needs a restart",
				       na_hook_rows[hook].name.data,
				       na_hook_mode_name((enum na_hook_mode)settings[hook].mode));
}

static int apply_labels(struct na_source *source, const struct na_config *fresh)
{
	struct na_host *host = &source->session->host;
	int error = na_host_set_labels(host, &fresh->labels);

	if (!error)
		error = na_journal_set_constants(source->journal.journal, &host->constants);
	if (error)
		na_host_set_labels(host, &source->session->config->labels);
	return error;
}

/* What can fail, and what nobody else looks at before all has succeeded. */
static int prepare(struct na_source *source, const struct na_config *fresh,
		   const struct changes *changes)
{
	int error = changes->labels ? apply_labels(source, fresh) : 0;

	if (!error && changes->outputs)
		error = na_cli_set_endpoints(fresh, &source->shipper);
	return error ? error : na_source_set_excluded(source, fresh);
}

static void apply(struct na_source *source, const struct changes *changes)
{
	const struct na_config *config = source->session->config;
	int error;

	na_pipeline_set_heartbeat(source->session->pipeline, config->heartbeat_interval);
	na_pipeline_set_connection_interval(source->session->pipeline,
					    na_cli_connection_interval(config));
	if (changes->excluded)
		tell_stuck(source);
	if (changes->hooks)
		apply_hooks(source);
	if (!changes->outputs)
		return;
	error = na_delivery_reload(&source->delivery, config);
	if (error == -EOPNOTSUPP)
		na_log_warning("reload: outputs need a restart, because there were none before");
	else if (error)
		na_log_error("reload: the shipping process goes on with the outputs it has: %s",
			     strerrordesc_np(-error));
}

/* What only a restart changes moves over; the first one stays, because the kernel's rules point to
 * its filters. */
static void take_config(struct na_source *source, struct na_config *fresh)
{
	na_config_keep(fresh, source->session->config);
	if (source->first)
		na_config_free(source->session->config);
	else
		source->first = source->session->config;
	source->session->config = fresh;
}

/* ------------------------------------------------------------------------------------------- */

int na_source_set_excluded(struct na_source *source, const struct na_config *config)
{
	const struct na_config_filters *filters = &config->capture_exclude;
	struct na_filter **excluded = calloc(filters->count + 1, sizeof(*excluded));
	size_t count = 0;

	if (!excluded)
		return -ENOMEM;
	for (size_t i = 0; i < filters->count; i++)
		if (!is_in_kernel(source, filters->texts[i]))
			excluded[count++] = filters->filters[i];
	if (source->session->pipeline)
		na_pipeline_set_excluded(source->session->pipeline, excluded, count);
	free(source->excluded);
	source->excluded = excluded;
	source->excluded_count = count;
	return 0;
}

void na_source_reload(struct na_source *source)
{
	struct na_session *session = source->session;
	struct changes changes = {0};
	struct na_config *fresh;
	int error;

	if (na_cli_config(session->options->sources, &fresh) != NA_EXIT_DONE) {
		na_log_error("reload: refused, the configuration in effect stays");
		return;
	}
	error = na_config_difference(session->config, fresh, take_change, &changes);
	if (!error)
		error = prepare(source, fresh, &changes);
	if (error) {
		na_log_error("reload: refused, the configuration in effect stays: %s",
			     strerrordesc_np(-error));
		na_config_free(fresh);
		return;
	}
	take_config(source, fresh);
	apply(source, &changes);
	na_log_notice("reload: done");
}
