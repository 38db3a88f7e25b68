/* SPDX-License-Identifier: Apache-2.0 */
/* Container ids in the paths that runtimes give their cgroups. */
#include "process/container.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OUTER "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define POD "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice"

static void check(const char *path, const char *expected)
{
	struct na_text id = na_container_id(na_text_of(path));

	if (id.length != strlen(expected) || (id.length && memcmp(id.data, expected, id.length)))
		fail_msg("%s: \"%.*s\"", path, (int)id.length, id.length ? id.data : "");
}

static void test_patterns_of_runtimes(void **state)
{
	static const char *const paths[] = {
		"/docker/" ID,
		"/system.slice/docker-" ID ".scope",
		"/machine.slice/libpod-" ID ".scope",
		"/machine.slice/libpod-" ID ".scope/container",
		"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope",
		POD "/cri-containerd-" ID ".scope",
		POD "/crio-" ID ".scope",
		POD "/docker-" ID ".scope",
		"/kubepods/burstable/pod01234567-89ab-cdef-0123-456789abcdef/" ID,
		"/system.slice/containerd.service/kubepods-burstable-pod1.slice:cri-containerd:" ID,
		"/docker/" OUTER "/docker/" ID,
		"/" ID,
		ID,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		check(paths[i], ID);
}

static void test_what_is_no_container(void **state)
{
	(void)state;
	check("", "");
	check("/", "");
	check("/system.slice/ssh.service", "");
	check("/docker/0123456789abcdef", "");
	check("/docker/" ID "0", "");
	check("/docker/x" ID, "");
	check("/docker/0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef", "");
	check("/machine.slice/libpod-conmon-" ID ".scope", "");
	check("/" POD "/crio-conmon-" ID ".scope", "");
	check("/docker-" ID ".service", "");
	check("////////////////////////////////////////////////////////////////////////////", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_patterns_of_runtimes),
		cmocka_unit_test(test_what_is_no_container),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
