/* SPDX-License-Identifier: Apache-2.0 */
/* Options of a command as a table: getopt_long's arrays and --help are made from it. */
#include "cli/usage.h"

#include <assert.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>

#include "cli/command.h"
#include "config/suggest.h"

#define OPTIONS_MAX 30
#define LONG_VALUE 256 /* getopt's value of the first row; above every letter */

struct getopt_tables {
	struct option names[OPTIONS_MAX + 2];
	char letters[2 * OPTIONS_MAX + 4];
};

static void fill_tables(const struct na_usage *usage, struct getopt_tables *tables)
{
	char *letter;

	assert(usage->option_count <= OPTIONS_MAX);
	*tables = (struct getopt_tables){0};
	letter = tables->letters;
	*letter++ = ':'; /* a missing argument is told from an unknown option */
	*letter++ = 'h';
	for (size_t i = 0; i < usage->option_count; i++) {
		const struct na_usage_option *option = &usage->options[i];
		bool has_argument = option->type != NA_USAGE_FLAG;

		tables->names[i] = (struct option){option->name,
						   has_argument ? required_argument : no_argument,
						   NULL, LONG_VALUE + (int)i};
		if (option->letter)
			*letter++ = option->letter;
		if (option->letter && has_argument)
			*letter++ = ':';
	}
	tables->names[usage->option_count] = (struct option){"help", no_argument, NULL, 'h'};
}

static const struct na_usage_option *find_option(const struct na_usage *usage, int value)
{
	if (value >= LONG_VALUE)
		return &usage->options[value - LONG_VALUE];
	for (size_t i = 0; i < usage->option_count; i++)
		if (usage->options[i].letter == value)
			return &usage->options[i];
	return NULL;
}

static void print_option(const struct na_usage_option *option)
{
	char left[64];

	snprintf(left, sizeof(left), "%c%c%s --%s%s%s", option->letter ? '-' : ' ',
		 option->letter ? option->letter : ' ', option->letter ? "," : " ", option->name,
		 option->argument ? " " : "", option->argument ? option->argument : "");
	printf("  %-26s %s\n", left, option->help);
}

static int print_help(const struct na_usage *usage)
{
	static const struct na_usage_option help = {
		.name = "help", .letter = 'h', .help = "print this and exit"};

	printf("Usage: netaudit %s [OPTION...]%s%s\n\n%s\n\nOptions:\n", usage->command,
	       usage->operands ? " " : "", usage->operands ? usage->operands : "",
	       usage->summary ? usage->summary : na_command_summary(usage->command));
	for (size_t i = 0; i < usage->option_count; i++)
		print_option(&usage->options[i]);
	print_option(&help);
	if (usage->details)
		printf("\n%s\n", usage->details);
	return na_command_print(&(struct na_buffer){0});
}

static int refuse_name(const struct na_usage *usage, const char *word)
{
	struct na_buffer near = {0};
	struct na_suggestion suggestion;
	size_t length = strcspn(word, "=");
	int result;

	na_suggestion_init(&suggestion, (struct na_text){word + 2, length - 2});
	na_suggestion_offer(&suggestion, na_text_of("help"));
	for (size_t i = 0; i < usage->option_count; i++)
		na_suggestion_offer(&suggestion, na_text_of(usage->options[i].name));
	if (suggestion.nearest.length)
		na_buffer_printf(&near, ", did you mean \"--%s\"?", suggestion.nearest.data);
	result = na_usage_error(usage->command, "unknown option \"%.*s\"%.*s", (int)length, word,
				(int)near.length, near.data);
	na_buffer_done(&near);
	return result;
}

/* getopt says '?' for what is unknown, ambiguous, or has an argument that it must not have. */
static int refuse_option(const struct na_usage *usage, int code, const char *word)
{
	if (code == ':')
		return na_usage_error(usage->command, "\"%s\" needs an argument", word);
	if (optopt >= LONG_VALUE || (optopt == 'h' && word[1] == '-'))
		return na_usage_error(usage->command, "\"%.*s\" takes no argument",
				      (int)strcspn(word, "="), word);
	if (optopt)
		return na_usage_error(usage->command, "unknown option \"-%c\"", optopt);
	return refuse_name(usage, word);
}

static bool store(const struct na_usage_option *option, void *options)
{
	void *member = (char *)options + option->offset;
	struct na_usage_list *list = member;

	switch (option->type) {
	case NA_USAGE_FLAG:
		*(bool *)member = true;
		return true;
	case NA_USAGE_TEXT:
		*(const char **)member = optarg;
		return true;
	default:
		if (list->count >= NA_USAGE_LIST_MAX)
			return false;
		list->items[list->count++] = optarg;
		return true;
	}
}

/* ------------------------------------------------------------------------------------------- */

bool na_usage_parse(const struct na_usage *usage, int argc, char **argv, void *options,
		    int *ret_first, int *ret_exit)
{
	struct getopt_tables tables;
	int code;

	fill_tables(usage, &tables);
	optind = 0; /* GNU: start afresh */
	opterr = 0;
	while ((code = getopt_long(argc, argv, tables.letters, tables.names, NULL)) != -1) {
		const struct na_usage_option *option = NULL;

		if (code == 'h') {
			*ret_exit = print_help(usage);
			return false;
		}
		if (code != '?' && code != ':')
			option = find_option(usage, code);
		if (!option) {
			*ret_exit = refuse_option(usage, code, argv[optind - 1]);
			return false;
		}
		if (!store(option, options)) {
			*ret_exit = na_usage_error(usage->command, "--%s more than %d times",
						   option->name, NA_USAGE_LIST_MAX);
			return false;
		}
	}
	if (!usage->operands && optind < argc) {
		*ret_exit =
			na_usage_error(usage->command, "unexpected argument \"%s\"", argv[optind]);
		return false;
	}
	*ret_first = optind;
	return true;
}

int na_usage_error(const char *command, const char *format, ...)
{
	const char *space = *command ? " " : "";
	va_list arguments;

	fprintf(stderr, "netaudit%s%s: ", space, command);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "\nTry \"netaudit%s%s --help\".\n", space, command);
	return NA_EXIT_USAGE;
}
