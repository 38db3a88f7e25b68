/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of this host and agent. */
#include "pipeline/host.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/utsname.h>

#include "base/cleanup.h"
#include "config/config.h"
#include "format/json.h"

#define FOLLOWED_ECS "9.4.0"

/* An empty text is not known. */
#define SET_KNOWN(event, field, text)                                                              \
	do {                                                                                       \
		if (*(text))                                                                       \
			NA_SET_TEXT(event, field, text);                                           \
	} while (0)

/* One line of a file, without its newline; empty when it cannot be read. */
static void read_line(const char *path, char *text, size_t size)
{
	NA_FCLOSE FILE *file = fopen(path, "re");

	if (!file || !fgets(text, (int)size, file))
		text[0] = '\0';
	text[strcspn(text, "\n")] = '\0';
}

static uint8_t digit_value(char digit)
{
	return (uint8_t)(isdigit((unsigned char)digit) ? digit - '0'
						       : tolower((unsigned char)digit) - 'a' + 10);
}

/* A random UUID (RFC 9562, version 4). */
static void make_instance(char text[37])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t id[16] = {0};
	char *at = text;

	while (getrandom(id, sizeof(id), 0) != sizeof(id))
		;
	id[6] = (uint8_t)((id[6] & 0x0f) | 0x40);
	id[8] = (uint8_t)((id[8] & 0x3f) | 0x80);
	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*at++ = '-';
		*at++ = digits[id[i] >> 4];
		*at++ = digits[id[i] & 15];
	}
	*at = '\0';
}

/* The value of `key` in a line of os-release(5), without its quotes. */
static void take_release(const char *line, const char *key, char *value, size_t size)
{
	size_t length = strlen(key);

	if (strncmp(line, key, length) != 0)
		return;
	line += length;
	line += *line == '"' || *line == '\'';
	snprintf(value, size, "%.*s", (int)strcspn(line, "\"'\n"), line);
}

static void read_release(struct na_host *host)
{
	NA_FCLOSE FILE *file = fopen("/etc/os-release", "re");
	char line[256];

	while (file && fgets(line, sizeof(line), file)) {
		take_release(line, "PRETTY_NAME=", host->os_name, sizeof(host->os_name));
		take_release(line, "ID=", host->os_platform, sizeof(host->os_platform));
		take_release(line, "VERSION_ID=", host->os_version, sizeof(host->os_version));
	}
}

static void read_host(struct na_host *host)
{
	struct utsname names;

	read_line("/etc/machine-id", host->machine, sizeof(host->machine));
	read_line("/proc/sys/kernel/random/boot_id", host->boot, sizeof(host->boot));
	na_uuid_parse(host->boot, host->boot_id);
	na_uuid_parse(host->machine, host->machine_id);
	read_release(host);
	if (uname(&names) < 0)
		return;
	snprintf(host->name, sizeof(host->name), "%s", names.nodename);
	snprintf(host->kernel, sizeof(host->kernel), "%s", names.release);
	snprintf(host->architecture, sizeof(host->architecture), "%s", names.machine);
}

static void fill_constants(struct na_host *host)
{
	struct na_event *event = &host->constants;

	SET_KNOWN(event, AGENT_EPHEMERAL_ID, host->instance);
	SET_KNOWN(event, AGENT_ID, host->machine);
	SET_KNOWN(event, AGENT_NAME, host->name);
	SET_KNOWN(event, AGENT_TYPE, "netaudit");
	SET_KNOWN(event, AGENT_VERSION, NA_VERSION);
	SET_KNOWN(event, ECS_VERSION, FOLLOWED_ECS);
	SET_KNOWN(event, HOST_ARCHITECTURE, host->architecture);
	SET_KNOWN(event, HOST_BOOT_ID, host->boot);
	SET_KNOWN(event, HOST_HOSTNAME, host->name);
	SET_KNOWN(event, HOST_ID, host->machine);
	SET_KNOWN(event, HOST_NAME, host->name);
	SET_KNOWN(event, HOST_OS_KERNEL, host->kernel);
	SET_KNOWN(event, HOST_OS_NAME, host->os_name);
	SET_KNOWN(event, HOST_OS_PLATFORM, host->os_platform);
	SET_KNOWN(event, HOST_OS_VERSION, host->os_version);
	SET_KNOWN(event, HOST_OS_TYPE, "linux");
}

static void print_labels(struct na_buffer *out, const struct na_config_map *labels)
{
	for (size_t i = 0; i < labels->count; i++) {
		na_buffer_append_char(out, i ? ',' : '{');
		na_json_append_text(out, labels->pairs[i].name);
		na_buffer_append_char(out, ':');
		na_json_append_text(out, labels->pairs[i].value);
	}
	na_buffer_append_char(out, '}');
}

/* ------------------------------------------------------------------------------------------- */

int na_host_init(struct na_host *host, const struct na_config_map *labels)
{
	*host = (struct na_host){0};
	make_instance(host->instance);
	read_host(host);
	fill_constants(host);
	return na_host_set_labels(host, labels);
}

int na_host_set_labels(struct na_host *host, const struct na_config_map *labels)
{
	struct na_buffer fresh = {0};

	if (labels->count)
		print_labels(&fresh, labels);
	if (na_buffer_error(&fresh)) {
		na_buffer_done(&fresh);
		return -ENOMEM;
	}
	na_buffer_done(&host->labels);
	host->labels = fresh;
	NA_CLEAR(&host->constants, LABELS);
	if (labels->count)
		NA_SET(&host->constants, LABELS, ((struct na_text){fresh.data, fresh.length}));
	return 0;
}

void na_host_done(struct na_host *host)
{
	na_buffer_done(&host->labels);
}

uint64_t na_host_boot_number(const uint8_t boot_id[16])
{
	uint64_t number = 0;

	for (int i = 0; i < 8; i++)
		number = number << 8 | boot_id[i];
	return number;
}

void na_uuid_parse(const char *text, uint8_t bytes[16])
{
	memset(bytes, 0, 16);
	for (int digits = 0; *text && digits < 32; text++) {
		if (!isxdigit((unsigned char)*text))
			continue;
		bytes[digits / 2] = (uint8_t)(bytes[digits / 2] << 4 | digit_value(*text));
		digits++;
	}
}
