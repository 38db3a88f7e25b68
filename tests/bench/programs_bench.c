/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the programs cost: runs for one loopback connection and time of a run, by the kernel's own
 * statistics, which add about 80 ns to each run.
 *
 *   programs_bench [connections]
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixture.h"

#define STATISTICS_NS 80

static int forget(void *context, const struct na_record_header *record)
{
	(void)context;
	(void)record;
	return 0;
}

/* Connect, a byte each way, close of both ends. */
static void connect_once(int listener)
{
	int client, server;
	char byte = 0;

	pair_connect(listener, AF_INET, &client, &server);
	if (write(client, &byte, 1) != 1 || read(server, &byte, 1) != 1 ||
	    write(server, &byte, 1) != 1 || read(client, &byte, 1) != 1)
		abort();
	close(client);
	close(server);
}

static void print_row(const struct na_program_state *before, const struct na_program_state *after,
		      double connections, double *sum)
{
	double runs = (double)(after->runs - before->runs);
	double ns = runs > 0 ? (double)(after->run_ns - before->run_ns) / runs : 0;
	double net = runs / connections * (ns - STATISTICS_NS);

	if (runs == 0)
		return;
	printf("%-28s %8.2f %8.0f %10.0f\n", after->source, runs / connections, ns, net);
	*sum += net;
}

int main(int argc, char **argv)
{
	int connections = argc > 1 ? atoi(argv[1]) : 10000, listener;
	struct na_capture_options options = fixture_options();
	struct na_program_state before[NA_PROGRAM_COUNT];
	const struct na_program_state *after;
	struct na_capture *capture;
	double sum = 0;

	options.statistics = true;
	capture = fixture_open(&options);
	listener = listener_open(AF_INET);
	for (int i = 0; i < 100; i++)
		connect_once(listener);
	memcpy(before, na_capture_programs(capture), sizeof(before));
	for (int i = 0; i < connections; i++) {
		connect_once(listener);
		if (i % 100 == 0)
			na_capture_drain(capture, forget, NULL);
	}
	after = na_capture_programs(capture);
	printf("%-28s %8s %8s %10s\n", "program", "runs", "ns", "net ns");
	for (int id = 0; id < NA_PROGRAM_COUNT; id++)
		print_row(&before[id], &after[id], connections, &sum);
	printf("%-28s %8s %8s %10.0f\n", "for one connection", "", "", sum);
	close(listener);
	na_capture_close(&capture);
	return 0;
}
