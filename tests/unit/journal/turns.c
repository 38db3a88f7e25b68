/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two threads as coroutines. The one that is made (the writer) runs on a stack of its own; the turn
 * changes by swapcontext. A wait is a change of the turn; when both wait, time passes.
 */
#include "turns.h"

#include <assert.h>
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/clock.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

#define STACK_SIZE (1u << 20)
#define BEGAN_NS (UINT64_C(1000000) * NA_NS_PER_SEC)
#define DEAD_STEP_NS NA_NS_PER_SEC /* whoever is dead need not wait so often */

enum wait { WAIT_NONE, WAIT_FUTEX, WAIT_LOCK };

static struct {
	bool on, dead, other_turn; /* it is the writer's */
	uint64_t seed, now_ns;
	uint64_t chances_left; /* 0: nobody dies */
	void (*died)(void);
	uint32_t mine, others; /* one in so many chances ends a turn */

	bool there, finished;
	enum wait wait;
	uint64_t until_ns;
	const uint32_t *futex;
	void *(*run)(void *);
	void *context;
	ucontext_t main, writer;
	void *fake_main, *fake_writer;
	const void *main_stack;
	size_t main_stack_size;
} turns;

static char stack[STACK_SIZE];

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
			  void *context);
int __real_pthread_join(pthread_t thread, void **result);
int __real_pthread_mutex_lock(pthread_mutex_t *lock);
int __real_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *lock);
int __real_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *lock,
				  const struct timespec *until);
int __real_clock_gettime(clockid_t id, struct timespec *time);
ssize_t __real_getrandom(void *buffer, size_t size, unsigned int flags);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
			  void *context);
int __wrap_pthread_join(pthread_t thread, void **result);
int __wrap_pthread_mutex_lock(pthread_mutex_t *lock);
int __wrap_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *lock);
int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *lock,
				  const struct timespec *until);
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
int __wrap_clock_gettime(clockid_t id, struct timespec *time);
ssize_t __wrap_getrandom(void *buffer, size_t size, unsigned int flags);

/* AddressSanitizer must know which stack it is on. */
static void leave(void **fake, const void *to, size_t size)
{
#ifdef __SANITIZE_ADDRESS__
	__sanitizer_start_switch_fiber(fake, to, size);
#else
	(void)fake;
	(void)to;
	(void)size;
#endif
}

static void arrive(void *fake, const void **from, size_t *size)
{
#ifdef __SANITIZE_ADDRESS__
	__sanitizer_finish_switch_fiber(fake, from, size);
#else
	(void)fake;
	(void)from;
	(void)size;
#endif
}

static void to_writer(void)
{
	turns.other_turn = true;
	leave(&turns.fake_main, stack, STACK_SIZE);
	swapcontext(&turns.main, &turns.writer);
	arrive(turns.fake_main, NULL, NULL);
}

static void to_main(void)
{
	turns.other_turn = false;
	leave(turns.finished ? NULL : &turns.fake_writer, turns.main_stack, turns.main_stack_size);
	swapcontext(&turns.writer, &turns.main);
	arrive(turns.fake_writer, &turns.main_stack, &turns.main_stack_size);
}

static void start(void)
{
	arrive(NULL, &turns.main_stack, &turns.main_stack_size);
	turns.run(turns.context);
	turns.finished = true;
	to_main();
}

static bool can_run(void)
{
	return turns.there && !turns.finished &&
	       (turns.wait != WAIT_FUTEX || turns.now_ns >= turns.until_ns);
}

/* Mostly a moment, sometimes as long as a sync may take. */
static void let_time_pass(void)
{
	turns.now_ns += na_turns_draw(4000);
	if (na_turns_draw(400) == 0)
		turns.now_ns += na_turns_draw(400) * NA_NS_PER_MS;
}

static bool may_die(void)
{
	if (!turns.chances_left || --turns.chances_left)
		return false;
	turns.dead = true;
	turns.died();
	return true;
}

static int wait_futex(const uint32_t *futex, uint32_t value, const struct timespec *timeout)
{
	assert(turns.other_turn);
	na_turns_pass();
	if (__atomic_load_n(futex, __ATOMIC_SEQ_CST) != value) {
		errno = EAGAIN;
		return -1;
	}
	turns.futex = futex;
	turns.until_ns = turns.now_ns + (uint64_t)timeout->tv_sec * NA_NS_PER_SEC +
			 (uint64_t)timeout->tv_nsec;
	if (turns.dead)
		turns.now_ns += DEAD_STEP_NS;
	turns.wait = WAIT_FUTEX;
	to_main();
	turns.wait = WAIT_NONE;
	return 0;
}

static void wake_futex(const uint32_t *futex)
{
	if (turns.wait == WAIT_FUTEX && turns.futex == futex)
		turns.until_ns = 0;
}

/* The main thread's: the other one goes on, or time does. */
static void wait_for_writer(uint64_t until_ns)
{
	bool stuck = turns.wait == WAIT_LOCK;

	assert(turns.there && !turns.finished);
	if (!can_run())
		turns.now_ns = turns.until_ns < until_ns ? turns.until_ns : until_ns;
	if (can_run())
		to_writer();
	if (stuck && turns.wait == WAIT_LOCK && turns.now_ns < until_ns)
		turns.now_ns = until_ns;
}

/* ------------------------------------------------------------------------------------------- */

void na_turns_begin(uint64_t seed)
{
	static const uint32_t often[] = {1, 2, 4, 16, 64};

	if (!NA_TURNS_WORK)
		return;
	memset(&turns, 0, sizeof(turns));
	turns.seed = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	turns.on = true;
	turns.now_ns = BEGAN_NS;
	turns.mine = often[na_turns_draw(5)];
	turns.others = often[na_turns_draw(5)];
}

void na_turns_end(void)
{
	assert(!turns.there);
	turns.on = false;
}

void na_turns_pass(void)
{
	if (!turns.on || turns.dead)
		return;
	let_time_pass();
	if (may_die())
		return;
	if (turns.other_turn) {
		if (na_turns_draw(turns.others) == 0)
			to_main();
	} else if (can_run() && na_turns_draw(turns.mine) == 0) {
		to_writer();
	}
}

void na_turns_die_after(uint64_t chances, void (*died)(void))
{
	turns.dead = false;
	turns.chances_left = chances;
	turns.died = died;
}

uint32_t na_turns_draw(uint32_t limit)
{
	turns.seed = turns.seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(turns.seed >> 33) % limit;
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
			  void *context)
{
	if (!turns.on)
		return __real_pthread_create(thread, attributes, run, context);
	assert(!turns.there);
	turns.there = true;
	turns.finished = false;
	turns.wait = WAIT_NONE;
	turns.run = run;
	turns.context = context;
	getcontext(&turns.writer);
	turns.writer.uc_stack.ss_sp = stack;
	turns.writer.uc_stack.ss_size = STACK_SIZE;
	makecontext(&turns.writer, start, 0);
	return 0;
}

int __wrap_pthread_join(pthread_t thread, void **result)
{
	if (!turns.on)
		return __real_pthread_join(thread, result);
	while (!turns.finished)
		wait_for_writer(UINT64_MAX);
	turns.there = false;
	return 0;
}

int __wrap_pthread_mutex_lock(pthread_mutex_t *lock)
{
	na_turns_pass();
	return __real_pthread_mutex_lock(lock);
}

/* Only a stalled disk waits so, until the main thread ends that. */
int __wrap_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *lock)
{
	if (!turns.on)
		return __real_pthread_cond_wait(condition, lock);
	assert(turns.other_turn);
	pthread_mutex_unlock(lock);
	turns.wait = WAIT_LOCK;
	to_main();
	turns.wait = WAIT_NONE;
	return __real_pthread_mutex_lock(lock);
}

int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *lock,
				  const struct timespec *until)
{
	uint64_t until_ns = (uint64_t)until->tv_sec * NA_NS_PER_SEC + (uint64_t)until->tv_nsec;

	if (!turns.on)
		return __real_pthread_cond_timedwait(condition, lock, until);
	assert(!turns.other_turn);
	if (turns.now_ns >= until_ns)
		return ETIMEDOUT;
	pthread_mutex_unlock(lock);
	wait_for_writer(until_ns);
	return __real_pthread_mutex_lock(lock);
}

long __wrap_syscall(long number, ...)
{
	const struct timespec *timeout;
	long words[6];
	va_list arguments;

	va_start(arguments, number);
	for (size_t i = 0; i < 6; i++)
		words[i] = va_arg(arguments, long);
	va_end(arguments);
	timeout = (const struct timespec *)words[3];
	if (!turns.on)
		return __real_syscall(number, words[0], words[1], words[2], words[3], words[4],
				      words[5]);
	assert(number == SYS_futex);
	if ((words[1] & FUTEX_CMD_MASK) == FUTEX_WAIT)
		return wait_futex((const uint32_t *)words[0], (uint32_t)words[2], timeout);
	wake_futex((const uint32_t *)words[0]);
	return 0;
}

int __wrap_clock_gettime(clockid_t id, struct timespec *time)
{
	if (!turns.on)
		return __real_clock_gettime(id, time);
	let_time_pass();
	*time = (struct timespec){.tv_sec = (time_t)(turns.now_ns / NA_NS_PER_SEC),
				  .tv_nsec = (long)(turns.now_ns % NA_NS_PER_SEC)};
	return 0;
}

ssize_t __wrap_getrandom(void *buffer, size_t size, unsigned int flags)
{
	if (!turns.on)
		return __real_getrandom(buffer, size, flags);
	for (size_t i = 0; i < size; i++)
		((uint8_t *)buffer)[i] = (uint8_t)na_turns_draw(256);
	return (ssize_t)size;
}
