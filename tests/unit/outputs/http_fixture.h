/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output `http` with a host that keeps what it is told, and a clock that can be put forward. One
 * thread, the test's: the output has no others.
 */
#ifndef NA_HTTP_FIXTURE_H
#define NA_HTTP_FIXTURE_H

#include "base/clock.h"
#include "http/http.h"
#include "http_far_end.h"

struct http_fixture {
	struct na_output_host host; /* first, for the cast */
	struct na_http_options options;
	struct na_text urls[4];
	char url_texts[4][64];
	struct na_output_instance *instance;
	bool offered[FAR_NUMBERS_MAX], acknowledged[FAR_NUMBERS_MAX], rejected[FAR_NUMBERS_MAX];
	bool resent[FAR_NUMBERS_MAX]; /* offered with it */
	char bodies[FAR_NUMBERS_MAX][64], ids[FAR_NUMBERS_MAX][16];
	unsigned int done; /* acknowledged or rejected */
	unsigned int failed;
	enum na_output_state state, worst;
	unsigned int changes; /* of the state */
	char why[512];        /* of the last state that was not WORKING */
	char reason[512];     /* of the last rejection */
	const char *text;     /* what bodies are instead of {"n":…}; NULL: that */
};

/* The defaults of the rows, and the url of each far end. */
void http_fixture_init(struct http_fixture *fixture, enum na_http_dialect_name dialect,
		       const char *scheme, struct far_end *const *far_ends, size_t count);
void http_fixture_open(struct http_fixture *fixture);
int http_fixture_try_open(struct http_fixture *fixture);
void http_fixture_close(struct http_fixture *fixture);

/* Offers records `from` to `to`; all are taken. */
void http_fixture_put(struct http_fixture *fixture, uint64_t from, uint64_t to);

/* Works until so many are acknowledged or rejected; fails the test after 20 s. */
void http_fixture_drive(struct http_fixture *fixture, unsigned int done);
/* Until the state is that. */
void http_fixture_drive_to(struct http_fixture *fixture, enum na_output_state state);
/* Until the far end had so many requests. */
void http_fixture_drive_requests(struct http_fixture *fixture, struct far_end *far,
				 unsigned int requests);
void http_fixture_work(struct http_fixture *fixture, unsigned int rounds);
/* Until nothing is on its way: the clock could be put forward past its time-out. */
void http_fixture_settle(struct http_fixture *fixture);

/* For a group of tests: a file of a secret, whose path is there then, and its content. */
extern char http_token_path[];
int http_token_make(void **state);
int http_token_remove(void **state);
void http_token_write(const char *token);

/* Puts the clock forward. */
void http_fixture_skip(uint64_t seconds);
void http_fixture_skip_ns(uint64_t ns);

/*
 * Each record that was acknowledged was taken by one of the far ends, and none that was rejected;
 * at most `twice` of them more than once.
 */
void http_fixture_compare(struct http_fixture *fixture, struct far_end *const *far_ends,
			  size_t count, unsigned int twice);

#endif
