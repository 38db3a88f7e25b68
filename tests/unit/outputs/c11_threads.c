/* SPDX-License-Identifier: Apache-2.0 */
/*
 * librdkafka starts its threads by C11's functions, which ThreadSanitizer of GCC 12 does not know:
 * it crashes in the first of them. In its build these take the place of glibc's, which are the same
 * inside, and lead to pthread's.
 */
#ifdef __SANITIZE_THREAD__

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

_Static_assert(sizeof(thrd_t) == sizeof(pthread_t), "one inside");
_Static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t), "one inside");
_Static_assert(sizeof(cnd_t) == sizeof(pthread_cond_t), "one inside");

/*
 * librdkafka is not instrumented: what its atomic counters order looks like a race when it frees or
 * copies memory of its own. So its calls of free, memcpy and rwlocks are left out; its threads and
 * mutexes, which come through here, are not, and neither is anything of ours.
 */
const char *__tsan_default_suppressions(void);

const char *__tsan_default_suppressions(void)
{
	return "called_from_lib:librdkafka.so\n";
}

struct start {
	thrd_start_t function;
	void *argument;
};

static int code(int error)
{
	if (error == ETIMEDOUT)
		return thrd_timedout;
	return error ? thrd_error : thrd_success;
}

static void *run(void *argument)
{
	struct start start = *(struct start *)argument;

	free(argument);
	return (void *)(intptr_t)start.function(start.argument);
}

int thrd_create(thrd_t *thread, thrd_start_t function, void *argument)
{
	/* Not malloc, which a test lets fail for others. */
	struct start *start = aligned_alloc(_Alignof(struct start), sizeof(*start));

	if (!start)
		return thrd_nomem;
	*start = (struct start){function, argument};
	return code(pthread_create(thread, NULL, run, start));
}

int thrd_join(thrd_t thread, int *ret_result)
{
	void *result;
	int error = pthread_join(thread, &result);

	if (!error && ret_result)
		*ret_result = (int)(intptr_t)result;
	return code(error);
}

/* Unseen by the sanitizer: librdkafka hands new ones on under a rwlock, which it does not see. */
__attribute__((no_sanitize("thread"))) static void copy(volatile char *to, const char *from,
							size_t size)
{
	for (size_t i = 0; i < size; i++)
		to[i] = from[i];
}

int mtx_init(mtx_t *mutex, int type)
{
	static const pthread_mutex_t plain = PTHREAD_MUTEX_INITIALIZER;
	static const pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

	copy((char *)mutex, (const char *)(type & mtx_recursive ? &recursive : &plain),
	     sizeof(*mutex));
	return thrd_success;
}

/* There is nothing to free in them. */
void mtx_destroy(mtx_t *mutex)
{
	(void)mutex;
}

int mtx_lock(mtx_t *mutex)
{
	return code(pthread_mutex_lock((pthread_mutex_t *)mutex));
}

int mtx_unlock(mtx_t *mutex)
{
	return code(pthread_mutex_unlock((pthread_mutex_t *)mutex));
}

int cnd_init(cnd_t *condition)
{
	static const pthread_cond_t plain = PTHREAD_COND_INITIALIZER;

	copy((char *)condition, (const char *)&plain, sizeof(*condition));
	return thrd_success;
}

void cnd_destroy(cnd_t *condition)
{
	(void)condition;
}

int cnd_signal(cnd_t *condition)
{
	return code(pthread_cond_signal((pthread_cond_t *)condition));
}

int cnd_broadcast(cnd_t *condition)
{
	return code(pthread_cond_broadcast((pthread_cond_t *)condition));
}

int cnd_wait(cnd_t *condition, mtx_t *mutex)
{
	return code(pthread_cond_wait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex));
}

int cnd_timedwait(cnd_t *condition, mtx_t *mutex, const struct timespec *until)
{
	return code(pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex,
					   until));
}

#else

typedef int na_nothing; /* a file is not empty */

#endif
