/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes a manual page of its text: a line "@NAME" becomes the rows of that name, as mdoc(7).
 *
 *   man_page NETAUDIT TEXT PAGE     NETAUDIT: the program, whose --help is read
 *
 * @commands, @help COMMAND…, @options, @output-options, @outputs, @hooks, @events, @fields,
 * @counters
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/hook.h"
#include "rows.h"

#define LINE_BYTES 4096

/*
 * "  -c, --config FILE            what it does", in two columns as agent/cli/usage.c prints them;
 * of subcommands "  verify     what it does".
 */
static void print_item(char *line, bool *begun)
{
	size_t width = strncmp(line, "  -", 3) && strncmp(line, "      --", 8) ? 10 : 26;
	char *left = line + 2, *help = left + width + 1, *word;
	bool first = true;

	if (strlen(line) < 2 + width + 1 || help[-1] != ' ')
		page_die(line);
	help[-1] = '\0';
	if (strstr(left, "--help"))
		return;
	fputs(*begun ? ".It" : ".Bl -tag -width Ds\n.It", stdout);
	*begun = true;
	while ((word = strsep(&left, " ,"))) {
		if (*word == '-')
			printf("%s Fl %s%s", first ? "" : " ,", word[1] == '-' ? "\\-" : "",
			       word + 1 + (word[1] == '-'));
		else if (*word)
			printf(" %s %s", width == 10 ? "Cm" : "Ar", word);
		first = first && !*word;
	}
	putchar('\n');
	page_text(help);
}

struct help {
	unsigned int line; /* read so far */
	bool options;      /* what comes is a list, */
	bool items;        /* of which something came */
	bool paragraph;    /* what comes begins one */
};

static void end_items(struct help *help)
{
	if (help->items)
		puts(".El");
	help->options = help->items = false;
}

static void print_detail(struct help *help, char *line)
{
	if (help->paragraph)
		puts(".Pp");
	help->paragraph = false;
	if (*line == ' ')
		printf(".Dl ");
	page_text(line + strspn(line, " "));
}

static void print_help_line(struct help *help, char *line)
{
	help->line++;
	if (help->line == 1) {
		printf(".Ss \"%s\"\n", line + strlen("Usage: "));
	} else if (!*line) {
		end_items(help);
		help->paragraph = help->line > 2;
	} else if (strcmp(line, "Options:") == 0 || strcmp(line, "Subcommands:") == 0) {
		help->options = true;
	} else if (help->options) {
		print_item(line, &help->items);
	} else {
		print_detail(help, line);
	}
}

/* What `netaudit COMMAND --help` says, command of one or two words; it has ended when all is read.
 */
static FILE *ask_help(const char *netaudit, const char *command, pid_t *ret_pid)
{
	char words[64], *second = words, *first;
	int ends[2];

	snprintf(words, sizeof(words), "%s", command);
	first = strsep(&second, " ");
	if (pipe2(ends, O_CLOEXEC) < 0)
		page_die("no pipe");
	*ret_pid = fork();
	if (*ret_pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		execl(netaudit, netaudit, first, second ? second : "--help", "--help", NULL);
		_exit(EXIT_FAILURE);
	}
	close(ends[1]);
	return fdopen(ends[0], "r");
}

static void print_help(const char *netaudit, const char *command)
{
	char line[LINE_BYTES];
	struct help help = {0};
	int status;
	pid_t pid;
	FILE *said = ask_help(netaudit, command, &pid);

	while (said && fgets(line, sizeof(line), said)) {
		line[strcspn(line, "\n")] = '\0';
		print_help_line(&help, line);
	}
	end_items(&help);
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status || !help.line)
		page_die(command);
	fclose(said);
}

static void print_commands(const char *netaudit)
{
#define NA_COMMAND(name, summary) print_help(netaudit, #name);
#include "cli/commands.def"
}

static void print_hooks(void)
{
	puts(".Bl -column xsocket_getpeersec_streamx -compact");
	for (int hook = NA_HOOK_NONE + 1; hook < NA_HOOK_COUNT; hook++)
		printf(".It %s Ta %s\n", na_hook_rows[hook].name.data,
		       na_hook_mode_name(na_hook_rows[hook].mode));
	puts(".El");
}

static void print_rows(const char *netaudit, const char *name)
{
	static const struct {
		const char *name;
		void (*print)(void);
	} rows[] = {
		{"options", page_options},   {"output-options", page_output_options},
		{"outputs", page_outputs},   {"hooks", print_hooks},
		{"events", page_events},     {"fields", page_fields},
		{"counters", page_counters},
	};

	if (strcmp(name, "commands") == 0) {
		print_commands(netaudit);
		return;
	}
	if (strncmp(name, "help ", 5) == 0) {
		print_help(netaudit, name + 5);
		return;
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (strcmp(name, rows[i].name) == 0) {
			rows[i].print();
			return;
		}
	page_die(name);
}

int main(int argc, char **argv)
{
	char line[LINE_BYTES];

	if (argc != 4)
		page_die("the program, a text and a page");
	if (!freopen(argv[2], "r", stdin) || !freopen(argv[3], "w", stdout))
		page_die("the text cannot be read, or the page not written");
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (*line == '@')
			print_rows(argv[1], line + 1);
		else
			puts(line);
	}
	return fflush(stdout) || ferror(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
