/* SPDX-License-Identifier: Apache-2.0 */
/* Filters: what they match, what is refused and where, no memory, random bytes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <arpa/inet.h>

#include <cmocka.h>

#include "config/filter.h"
#include "failing_memory.h"

#define CONTAINER "3f4e8a1b2c9d0e5f6a7b8c9d0e1f2a3b4c5d6e7f8091a2b3c4d5e6f708192a3b"

static struct na_address address_of(const char *text)
{
	struct na_address address = {.bytes = {[10] = 0xff, [11] = 0xff}};

	if (strchr(text, ':'))
		assert_int_equal(inet_pton(AF_INET6, text, address.bytes), 1);
	else
		assert_int_equal(inet_pton(AF_INET, text, address.bytes + 12), 1);
	return address;
}

static void set_process(struct na_event *event)
{
	NA_SET(event, PROCESS_PID, 4711);
	NA_SET_TEXT(event, PROCESS_EXECUTABLE, "/opt/my app/bin/curl");
	NA_SET_TEXT(event, PROCESS_NAME, "curl");
	NA_SET_TEXT(event, USER_ID, "1000");
	NA_SET_TEXT(event, USER_NAME, "anna");
	NA_SET_TEXT(event, CONTAINER_ID, CONTAINER);
	NA_SET_TEXT(event, NA_CGROUP_PATH, "/system.slice/web.service");
	NA_SET(event, NA_CGROUP_ID, 18446744073709551615u);
}

/* 10.1.2.3:40000 to 192.0.2.7:443, failed. */
static void make_tcp(struct na_event *event)
{
	na_event_init(event, NA_EVENT_CONNECT_FAILED, 0);
	set_process(event);
	NA_SET_TEXT(event, NA_SOCKET_FAMILY, "inet");
	NA_SET_TEXT(event, NETWORK_TRANSPORT, "tcp");
	NA_SET_TEXT(event, NETWORK_DIRECTION, "egress");
	NA_SET(event, SOURCE_IP, address_of("10.1.2.3"));
	NA_SET_TEXT(event, SOURCE_ADDRESS, "10.1.2.3");
	NA_SET(event, SOURCE_PORT, 40000);
	NA_SET(event, DESTINATION_IP, address_of("192.0.2.7"));
	NA_SET_TEXT(event, DESTINATION_ADDRESS, "192.0.2.7");
	NA_SET(event, DESTINATION_PORT, 443);
	na_event_set_error(event, -ECONNREFUSED);
}

static void make_udp6(struct na_event *event)
{
	na_event_init(event, NA_EVENT_FLOW, 0);
	set_process(event);
	NA_SET_TEXT(event, NA_SOCKET_FAMILY, "inet6");
	NA_SET_TEXT(event, NETWORK_TRANSPORT, "udp");
	NA_SET_TEXT(event, NETWORK_DIRECTION, "ingress");
	NA_SET(event, SOURCE_IP, address_of("2001:db8:7f::1"));
	NA_SET_TEXT(event, SOURCE_ADDRESS, "2001:db8:7f::1");
	NA_SET(event, SOURCE_PORT, 0);
	NA_SET(event, DESTINATION_IP, address_of("::1"));
	NA_SET_TEXT(event, DESTINATION_ADDRESS, "::1");
	NA_SET(event, DESTINATION_PORT, 65535);
}

/* No process, no source. */
static void make_unix(struct na_event *event)
{
	na_event_init(event, NA_EVENT_BOUND, 0);
	NA_SET_TEXT(event, NA_SOCKET_FAMILY, "unix");
	NA_SET_TEXT(event, NETWORK_TRANSPORT, "unix");
	NA_SET_TEXT(event, DESTINATION_ADDRESS, "/run/my*app,1.sock");
}

enum { TCP = 1, UDP6 = 2, UNIX = 4, ALL = 7 };

static const struct {
	const char *text;
	int matches;
} rows[] = {
	{"", ALL},
	{" \t\n", ALL},
	{"event=connect_failed", TCP},
	{"event=CONNECT_FAILED", TCP},
	{"event=flow,bound", UDP6 | UNIX},
	{"event=connect_*", TCP},
	{"event!=flow", TCP | UNIX},
	{"event=established", 0},
	{"family=inet", TCP},
	{"family=inet*", TCP | UDP6},
	{"family=unix,inet6", UDP6 | UNIX},
	{"family!=inet,inet6", UNIX},
	{"transport=TCP", TCP},
	{"transport=tcp,udp", TCP | UDP6},
	{"pid=4711", TCP | UDP6},
	{"pid=4000-4710", 0},
	{"pid=4711-4711", TCP | UDP6},
	{"pid!=1", ALL},
	{"uid=1000", TCP | UDP6},
	{"uid=0-999", 0},
	{"uid=0-4294967295", TCP | UDP6},
	{"user=anna", TCP | UDP6},
	{"user=Anna", 0},
	{"user!=root", ALL},
	{"comm=curl", TCP | UDP6},
	{"comm=c*l", TCP | UDP6},
	{"comm=*", TCP | UDP6},
	{"comm!=*", UNIX},
	{"comm=cur", 0},
	{"comm=\"\"", 0},
	{"comm=''*''", TCP | UDP6},
	{"exe=\"/opt/my app/*\"", TCP | UDP6},
	{"exe='/opt/my app/bin/curl'", TCP | UDP6},
	{"exe=/opt/'my app'/bin/*", TCP | UDP6},
	{"exe=/opt/my\\ app/bin/curl", TCP | UDP6},
	{"exe=*/bin/*", TCP | UDP6},
	{"exe=/opt/my*curl*", TCP | UDP6},
	{"exe=*b*b*", 0},
	{"exe=*a*p*p*b*n*c*l", TCP | UDP6},
	{"exe=/opt/my\\*", 0},
	{"container=" CONTAINER, TCP | UDP6},
	{"container=3f4e8a1b2c9d", TCP | UDP6},
	{"container=3f4e8a1b2c9", 0},
	{"container=3f4e8a1b2c9*", TCP | UDP6},
	{"container=4f4e8a1b2c9d", 0},
	{"cgroup=/system.slice/web.service", TCP | UDP6},
	{"cgroup=/system.slice", TCP | UDP6},
	{"cgroup=/system.slice/", TCP | UDP6},
	{"cgroup=/system.slice/web", 0},
	{"cgroup=/", TCP | UDP6},
	{"cgroup=*web*", TCP | UDP6},
	{"cgroup=18446744073709551615", TCP | UDP6},
	{"cgroup=17", 0},
	{"address=10.0.0.0/8", TCP},
	{"address=10.1.2.3", TCP},
	{"address=10.1.2.2/31", TCP},
	{"address=10.1.2.4/30", 0},
	{"address=10.255.255.255/8", TCP},
	{"address=192.0.2.7/32", TCP},
	{"address=0.0.0.0/0", TCP},
	{"address=::ffff:10.1.2.3", TCP},
	{"address=::/0", TCP | UDP6},
	{"address=2001:db8::/32", UDP6},
	{"address=2001:db8:40::/42", UDP6},
	{"address=2001:db8:80::/42", 0},
	{"address=127.0.0.0/8,::1", UDP6},
	{"address!=10.0.0.0/8", UDP6 | UNIX},
	{"address=10.*", TCP},
	{"address=/run/*", UNIX},
	{"address=/run/my\\*app\\,1.sock", UNIX},
	{"address='/run/my\\*app,1.sock'", UNIX},
	{"address=/run/my\\*app", 0},
	{"address=@abstract", 0},
	{"source=10.1.2.3", TCP},
	{"source=192.0.2.7", 0},
	{"source=*", TCP | UDP6},
	{"destination=192.0.2.0/24", TCP},
	{"destination=10.1.2.3", 0},
	{"destination=*app*", UNIX},
	{"port=443", TCP},
	{"port=40000", TCP},
	{"port=1-1023", TCP},
	{"port=0", UDP6},
	{"port=65535", UDP6},
	{"port=22,80,400-500", TCP},
	{"port!=443", UDP6 | UNIX},
	{"outcome=failure", TCP},
	{"outcome!=failure", UDP6 | UNIX},
	{"outcome=succ*", UDP6 | UNIX},
	{"error=econnrefused", TCP},
	{"error=E*", TCP},
	{"error!=ECONNREFUSED", UDP6 | UNIX},
	{"error=EWOULDBLOCK", 0},
	{"direction=out", TCP},
	{"direction=egress", TCP},
	{"direction=in", UDP6},
	{"direction=Inbound", UDP6},
	{"direction=*gress", TCP | UDP6},
	{"direction!=in,out", UNIX},
	{"port=443 address=10.0.0.0/8 comm=curl", TCP},
	{"port=443 address=11.0.0.0/8", 0},
	{"port=443\nport=40000", TCP},
	{"port!=443 port!=65535", UNIX},
};

static void test_match(void **state)
{
	struct na_event events[3];

	(void)state;
	make_tcp(&events[0]);
	make_udp6(&events[1]);
	make_unix(&events[2]);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct na_buffer why = {0};
		struct na_filter *filter = NULL;
		int matches = 0;

		if (na_filter_parse(rows[i].text, &filter, &why) < 0)
			fail_msg("%s: %.*s", rows[i].text, (int)why.length, why.data);
		for (int k = 0; k < 3; k++)
			matches |= na_filter_match(filter, &events[k]) << k;
		if (matches != rows[i].matches)
			fail_msg("%s: matches %d, not %d", rows[i].text, matches, rows[i].matches);
		assert_int_equal(why.length, 0);
		na_filter_free(filter);
	}
}

static const struct {
	const char *text, *why;
} mistakes[] = {
	{"prot=443", "column 1: unknown key \"prot\", did you mean \"port\"?"},
	{"port=443 adress=::1", "column 10: unknown key \"adress\", did you mean \"address\"?"},
	{"xyzzy=1", "column 1: unknown key \"xyzzy\""},
	{"443", "column 1: \"443\" is no term, key=value is needed"},
	{"comm=my prog", "column 9: \"prog\" is no term, key=value is needed"},
	{"=1", "column 1: unknown key \"\""},
	{"port", "column 5: = or != has to follow the key, without a space"},
	{"port >1024", "column 5: = or != has to follow the key, without a space"},
	{"port>1024", "column 5: = or != has to follow the key, without a space"},
	{"port!443", "column 5: = or != has to follow the key, without a space"},
	{"port=", "column 6: a value is missing; an empty one is written \"\""},
	{"port=80,", "column 9: a value is missing; an empty one is written \"\""},
	{"port=80,,443", "column 9: a value is missing; an empty one is written \"\""},
	{"port=80, 443", "column 9: a value is missing; an empty one is written \"\""},
	{"port=abc",
	 "column 6: port \"abc\" is neither a port from 0 to 65535 nor two with - between"},
	{"port=80,65536",
	 "column 9: port \"65536\" is neither a port from 0 to 65535 nor two with - between"},
	{"port=99999999999999999999", "column 6: port \"99999999999999999999\" is neither a port "
				      "from 0 to 65535 nor two with - between"},
	{"port=90-80", "column 6: port \"90-80\" ends before it begins"},
	{"port=-80",
	 "column 6: port \"-80\" is neither a port from 0 to 65535 nor two with - between"},
	{"port=80-",
	 "column 6: port \"80-\" is neither a port from 0 to 65535 nor two with - between"},
	{"pid=self", "column 5: pid \"self\" is neither a number nor two with - between"},
	{"uid=4294967296",
	 "column 5: uid \"4294967296\" is neither a number nor two with - between"},
	{"event=establised",
	 "column 7: event \"establised\" is no event, did you mean \"established\"?"},
	{"event=proces_*", "column 7: event \"proces_*\" is no event"},
	{"family=ipv4", "column 8: family \"ipv4\" is no address family"},
	{"family=inet7", "column 8: family \"inet7\" is no address family, did you mean \"inet\"?"},
	{"outcome=fail", "column 9: outcome \"fail\" is none of success, failure, unknown"},
	{"direction=up", "column 11: direction \"up\" is neither ingress nor egress"},
	{"error=ECONREFUSED", "column 7: error \"ECONREFUSED\" is no name of an error, as "
			      "ECONNREFUSED, did you mean \"ECONNREFUSED\"?"},
	{"cgroup=web", "column 8: cgroup \"web\" is neither a path from the root of the cgroups, "
		       "as /system.slice, nor an id"},
	{"address=10.0.0.0/33", "column 9: address \"10.0.0.0/33\": the prefix is not 0 to 32"},
	{"address=10.0.0.0/", "column 9: address \"10.0.0.0/\": the prefix is not 0 to 32"},
	{"address=::1/129", "column 9: address \"::1/129\": the prefix is not 0 to 128"},
	{"source=localhost", "column 8: source \"localhost\" is no address, as 10.0.0.1, "
			     "10.0.0.0/8, ::1 or /run/name; ports are port="},
	{"address=10.0.0", "column 9: address \"10.0.0\" is no address, as 10.0.0.1, 10.0.0.0/8, "
			   "::1 or /run/name; ports are port="},
	{"exe=\"/bin/x", "column 5: the quote is not closed"},
	{"exe=/bin/x\\", "column 11: nothing follows the backslash"},
	{"comm=\xc3\xbc\xc3\xbc pord=1", "column 9: unknown key \"pord\", did you mean \"port\"?"},
	{"port=a\x1b[2J",
	 "column 6: port \"a\\x1b[2J\" is neither a port from 0 to 65535 nor two with - between"},
};

static void test_mistakes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(*mistakes); i++) {
		struct na_filter *filter = (struct na_filter *)&filter;
		struct na_buffer why = {0};

		assert_int_equal(na_filter_parse(mistakes[i].text, &filter, &why), -EINVAL);
		assert_ptr_equal(filter, &filter);
		na_buffer_append_char(&why, '\0');
		assert_string_equal(why.data, mistakes[i].why);
		na_buffer_done(&why);
	}
}

static void test_limits(void **state)
{
	static char text[70000];
	struct na_filter *filter;
	struct na_buffer why = {0};

	(void)state;
	memset(text, ' ', sizeof(text) - 1);
	assert_int_equal(na_filter_parse(text, &filter, &why), -EINVAL);
	for (int i = 0; i < 65; i++)
		memcpy(text + 6 * i, "pid=1 ", 6);
	text[6 * 64] = '\0';
	assert_int_equal(na_filter_parse(text, &filter, &why), 0);
	na_filter_free(filter);
	text[6 * 64] = 'p';
	text[6 * 65] = '\0';
	assert_int_equal(na_filter_parse(text, &filter, &why), -EINVAL);
	memcpy(text, "pid=1", 5);
	for (int i = 0; i < 1024; i++)
		memcpy(text + 5 + 2 * i, ",1", 3);
	assert_int_equal(na_filter_parse(text, &filter, &why), -EINVAL);
	text[5 + 2 * 1023] = '\0';
	assert_int_equal(na_filter_parse(text, &filter, &why), 0);
	na_filter_free(filter);
	na_buffer_done(&why);
}

static void test_arguments(void **state)
{
	char *argv[] = {"port=443", "comm=curl"}, *bad[] = {"port=443", "com=curl"};
	const struct na_filter_term *terms;
	struct na_buffer why = {0};
	struct na_filter *filter;
	size_t count;

	(void)state;
	assert_int_equal(na_filter_parse_arguments(0, NULL, &filter, &why), 0);
	na_filter_terms(filter, &count);
	assert_int_equal(count, 0);
	na_filter_free(filter);
	assert_int_equal(na_filter_parse_arguments(2, argv, &filter, &why), 0);
	terms = na_filter_terms(filter, &count);
	assert_int_equal(count, 2);
	assert_int_equal(terms[0].key, NA_FILTER_PORT);
	assert_int_equal(terms[0].values[0].first, 443);
	assert_string_equal(terms[1].values[0].text.data, "curl");
	na_filter_free(filter);
	assert_int_equal(na_filter_parse_arguments(2, bad, &filter, &why), -EINVAL);
	na_buffer_append_char(&why, '\0');
	assert_string_equal(why.data, "column 10: unknown key \"com\", did you mean \"comm\"?");
	na_buffer_done(&why);
}

/* What the kernel's filters are made from. */
static void test_terms(void **state)
{
	const struct na_filter_term *terms;
	struct na_buffer why = {0};
	struct na_filter *filter;
	size_t count;

	(void)state;
	assert_int_equal(
		na_filter_parse(
			"address=10.1.2.3/8,2001:db8::1,/run/x,10.* port!=80-90 error=eperm",
			&filter, &why),
		0);
	terms = na_filter_terms(filter, &count);
	assert_int_equal(count, 3);
	assert_int_equal(terms[0].count, 4);
	assert_int_equal(terms[0].values[0].prefix, 104);
	assert_memory_equal(terms[0].values[0].address.bytes,
			    "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\0", 16);
	assert_int_equal(terms[0].values[1].prefix, 128);
	assert_int_equal(terms[0].values[2].prefix, NA_FILTER_TEXT);
	assert_int_equal(terms[0].values[3].prefix, NA_FILTER_TEXT);
	assert_true(terms[1].negated);
	assert_int_equal(terms[1].values[0].first, 80);
	assert_int_equal(terms[1].values[0].last, 90);
	assert_string_equal(terms[2].values[0].text.data, "EPERM");
	na_filter_free(filter);
}

static void fail_each(const char *text, int wanted)
{
	unsigned long n = 0;
	int error;

	do {
		struct na_filter *filter = NULL;
		struct na_buffer why = {0};

		na_memory_fail_at(++n);
		error = na_filter_parse(text, &filter, &why);
		/* -EINVAL too: the explanation, which then lacks something, is the buffer's to
		 * report. */
		if (na_memory_has_failed())
			assert_true(error == -ENOMEM || na_buffer_error(&why) == -ENOMEM);
		na_buffer_done(&why);
		na_filter_free(filter);
	} while (na_memory_has_failed());
	na_memory_fail_at(0);
	assert_int_equal(error, wanted);
	assert_true(n > 4);
}

static void test_no_memory(void **state)
{
	(void)state;
	fail_each("port=80-90,443 exe='/opt/my app/*',x address!=10.0.0.0/8 direction=in", 0);
	fail_each("port=80 prot=1", -EINVAL);
	fail_each("port=a", -EINVAL);
}

/* Texts that are nearly right, changed at random places; the sanitizers judge. */
static void test_random(void **state)
{
	static const char alphabet[] = "porteventaddress=!=,,**\\\"' 0123456789-./:\xc3\xff";
	static struct na_event event;
	unsigned int seed = 1;
	char text[128];

	(void)state;
	make_tcp(&event);
	for (int round = 0; round < 20000; round++) {
		struct na_buffer why = {0};
		struct na_filter *filter;
		size_t length;

		snprintf(text, sizeof(text), "%s",
			 rows[(size_t)rand_r(&seed) % (sizeof(rows) / sizeof(*rows))].text);
		length = strlen(text);
		for (int change = rand_r(&seed) % 6; change > 0; change--) {
			size_t at = (size_t)rand_r(&seed) % (length + 1);

			if (at == length && length + 1 < sizeof(text))
				text[++length] = '\0';
			text[at < length ? at : 0] =
				alphabet[(size_t)rand_r(&seed) % (sizeof(alphabet) - 1)];
		}
		if (na_filter_parse(text, &filter, &why) == 0) {
			na_filter_match(filter, &event);
			na_filter_free(filter);
		} else {
			assert_true(why.length > 0);
		}
		na_buffer_done(&why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),  cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_limits), cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_terms),  cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
