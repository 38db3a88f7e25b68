/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random lives of a journal against a model: appends, ends in order, kills, crashes of the machine,
 * a file system that fails in every way, a folder that is deleted, bits that flip. Segments, tail
 * and blocks of numbers are tiny, so that everything rolls over.
 *
 * What must hold at the end: each event whose append returned is there once, in order, as it was;
 * or a loss that was told names its number, and losses count exactly what is missing.
 *
 * NA_MODEL_SEED=… repeats one life; NA_MODEL_LIVES=… sets how many. A life that fails is shortened
 * as long as it still fails, and printed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "faulty_fs.h"
#include "store_support.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LIVES 500
#else
#define LIVES 3000
#endif
#define STEPS_MOST 40
#define EVENTS_MOST 8192
#define LOSSES_MOST 512

enum step_kind {
	STEP_APPEND,
	STEP_TELL,
	STEP_SYNC,
	STEP_END,
	STEP_KILL,
	STEP_CRASH,
	STEP_FAULT,
	STEP_CLEAR,
	STEP_REMOVE,
	STEP_FLIP,
	STEP_STALL,
	STEP_COUNT
};

static const char *const step_names[STEP_COUNT] = {"append", "tell",  "sync",  "end",
						   "kill",   "crash", "fault", "clear",
						   "remove", "flip",  "stall"};

struct step {
	enum step_kind kind;
	uint32_t value;
};

struct model {
	struct na_world world;
	struct na_journal *journal;
	struct {
		uint64_t sequence, epoch, stamp;
		bool overrun; /* numbered beyond the reservation, before a crash: not told */
	} events[EVENTS_MOST];
	size_t count;
	struct na_journal_loss told[LOSSES_MOST];
	size_t told_count;
	uint64_t stamp;
	bool inexact; /* something was destroyed from outside: a reader tells, not the writer */
	const char *failure;
	uint64_t wrong; /* the number that it concerns */
};

static struct model model, shortest; /* the last one that failed */

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void went_wrong(const char *text, uint64_t sequence)
{
	if (model.failure)
		return;
	model.failure = text;
	model.wrong = sequence;
}

static uint64_t epoch(void)
{
	return strtoull(strrchr(na_journal_instance(model.journal), '-') + 1, NULL, 16);
}

static void append(void)
{
	uint64_t stamp = ++model.stamp;

	if (model.count == EVENTS_MOST)
		return;
	model.events[model.count].sequence = na_append(model.journal, stamp);
	model.events[model.count].epoch = epoch();
	model.events[model.count++].stamp = stamp;
}

static void tell(void)
{
	struct na_journal_loss loss;
	struct na_journal_status before, after;

	while (model.told_count < LOSSES_MOST && na_journal_take_loss(model.journal, &loss)) {
		na_journal_status(model.journal, &before);
		append();
		na_journal_status(model.journal, &after);
		if (after.events_lost != before.events_lost)
			return; /* it comes again */
		model.told[model.told_count++] = loss;
	}
}

static void set_fault(uint32_t value)
{
	static const int errors[] = {ENOSPC, EIO, EROFS, EDQUOT};
	unsigned int count = 1 + value / 8 % 12;

	switch (value % 8) {
	case 6:
		na_faulty_short(true);
		break;
	case 7:
		na_faulty_fail(NA_FAULTY_SYNC, count, EIO);
		break;
	default:
		na_faulty_fail((enum na_faulty_call)(value % 8) == NA_FAULTY_READ
				       ? NA_FAULTY_WRITE
				       : (enum na_faulty_call)(value % 8),
			       count, errors[value / 128 % 4]);
	}
}

static void reopen(uint64_t deadline_ns)
{
	na_journal_close(&model.journal, deadline_ns);
	model.journal = na_world_open(&model.world);
}

static void crash(uint32_t value)
{
	na_faulty_clear();
	na_journal_close(&model.journal, 0);
	na_faulty_crash(value);
	unlink(model.world.tail);
	model.journal = na_world_open(&model.world);
	for (size_t i = 0; i < model.count; i++)
		if (model.events[i].sequence >= na_journal_next_sequence(model.journal))
			model.events[i].overrun = true;
}

/* One bit of a segment while nobody has the journal; its readers will say so. */
static void flip(uint32_t value)
{
	char path[2 * NA_TEST_PATH_SIZE], byte;
	struct stat status;

	na_faulty_clear();
	na_journal_close(&model.journal, na_soon());
	if (na_world_file(&model.world, ".segment", value % 3, path)) {
		NA_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC);

		if (fstat(fd, &status) == 0 && status.st_size > 0) {
			off_t at = (off_t)(value / 4) % status.st_size;

			assert_int_equal(pread(fd, &byte, 1, at), 1);
			byte = (char)(byte ^ 1 << value % 8);
			assert_int_equal(pwrite(fd, &byte, 1, at), 1);
			model.inexact = true;
		}
	}
	model.journal = na_world_open(&model.world);
}

static void remove_folder(void)
{
	char path[2 * NA_TEST_PATH_SIZE];

	na_faulty_clear();
	while (na_world_file(&model.world, "", 0, path))
		unlink(path);
	rmdir(model.world.folder);
	model.inexact = true;
}

static void take(const struct step *step)
{
	switch (step->kind) {
	case STEP_APPEND:
		for (uint32_t i = 0; i < 1 + step->value % 24; i++)
			append();
		break;
	case STEP_TELL:
		tell();
		break;
	case STEP_SYNC:
		na_faulty_clear();
		if (na_journal_sync(model.journal, na_soon()) < 0)
			went_wrong("sync timed out", 0);
		break;
	case STEP_END:
		na_faulty_clear();
		reopen(na_soon());
		break;
	case STEP_KILL:
		na_faulty_stall(false);
		reopen(0);
		break;
	case STEP_CRASH:
		crash(step->value);
		break;
	case STEP_FAULT:
		set_fault(step->value);
		break;
	case STEP_STALL:
		na_faulty_stall(true);
		for (uint32_t i = 0; i < step->value % 1500; i++)
			append();
		break;
	case STEP_CLEAR:
		na_faulty_clear();
		break;
	case STEP_REMOVE:
		if (step->value % 8 == 0)
			remove_folder();
		break;
	case STEP_FLIP:
		if (step->value % 8 == 0)
			flip(step->value / 8);
		break;
	case STEP_COUNT:
		break;
	}
}

static bool is_told(uint64_t sequence)
{
	for (size_t i = 0; i < model.told_count; i++)
		if (sequence >= model.told[i].first_sequence &&
		    sequence <= model.told[i].last_sequence)
			return true;
	return false;
}

/*
 * The losses count what is missing; what a crash took as well is not known so exactly. A segment
 * that was told as dropped may stay after all, when a kill or a full disk came before its unlink.
 */
static void check_counts(uint64_t missing)
{
	uint64_t count = 0;
	bool dropped = false;

	for (size_t i = 0; i < model.told_count; i++) {
		if (model.told[i].reason == NA_JOURNAL_CRASH)
			return;
		dropped |= model.told[i].reason == NA_JOURNAL_DROPPED;
		count += model.told[i].count;
	}
	if (dropped ? count < missing : count != missing)
		went_wrong("losses count something else than what is missing", missing);
}

static void check(void)
{
	NA_CLEANUP(na_harvest_done) struct na_harvest found;
	uint64_t missing = 0;
	size_t at = 0;

	na_harvest(&model.world, &found);
	for (size_t i = 0; i < model.count; i++) {
		bool there = at < found.count && found.items[at].stamp == model.events[i].stamp;

		if (there && (found.items[at].sequence != model.events[i].sequence ||
			      found.items[at].epoch != model.events[i].epoch))
			went_wrong("an event has another id", model.events[i].sequence);
		if (!there && !model.inexact && !model.events[i].overrun &&
		    !is_told(model.events[i].sequence))
			went_wrong("an event is missing and no loss names it",
				   model.events[i].sequence);
		missing += !there;
		at += there;
	}
	if (at < found.count)
		went_wrong("an event is there twice, or out of order", found.items[at].sequence);
	if (!model.inexact)
		check_counts(missing);
}

static void print_told(uint64_t seed)
{
	fprintf(stderr, "NA_MODEL_SEED=%llu: %s, number %llu of %zu\n", (unsigned long long)seed,
		shortest.failure, (unsigned long long)shortest.wrong, shortest.count);
	for (size_t i = 0; i < shortest.told_count; i++)
		fprintf(stderr, "  told: reason %d, %llu to %llu, %llu\n",
			(int)shortest.told[i].reason,
			(unsigned long long)shortest.told[i].first_sequence,
			(unsigned long long)shortest.told[i].last_sequence,
			(unsigned long long)shortest.told[i].count);
}

static uint64_t all_needed(void *context)
{
	(void)context;
	return 0;
}

/* NULL, or what went wrong. */
static const char *live(const struct step *steps, size_t count, uint64_t seed)
{
	memset(&model, 0, sizeof(model));
	na_world_init(&model.world);
	model.world.options.sync = seed % 3;
	model.world.options.tail_size = seed % 5 ? 64 << 10 : 16 << 10;
	if (seed % 7 == 0)
		model.world.options.max_size = 64 << 10;
	model.world.options.needed = all_needed; /* so that what is deleted is told */
	na_faulty_clear();
	na_faulty_remember(true);
	model.journal = na_world_open(&model.world);
	for (size_t i = 0; i < count && !model.failure; i++)
		take(&steps[i]);
	/* What the end drops is told by the next start; that one has room, so nothing more goes. */
	model.world.options.max_size = UINT64_MAX;
	take(&(struct step){STEP_SYNC, 0});
	reopen(na_soon());
	tell();
	na_journal_close(&model.journal, na_soon());
	if (!model.failure)
		check();
	if (model.failure)
		shortest = model;
	na_faulty_remember(false);
	na_world_done(&model.world);
	return model.failure;
}

static size_t make_steps(uint64_t seed, struct step steps[STEPS_MOST])
{
	/* How often each kind comes. */
	static const unsigned int weights[STEP_COUNT] = {40, 10, 10, 6, 8, 5, 12, 6, 1, 1, 1};
	size_t count = 5 + next_random(&seed) % (STEPS_MOST - 5);

	for (size_t i = 0; i < count; i++) {
		unsigned int at = (unsigned int)(next_random(&seed) % 100), kind = 0;

		while (kind < STEP_COUNT - 1 && at >= weights[kind])
			at -= weights[kind++];
		steps[i] = (struct step){kind, (uint32_t)next_random(&seed)};
	}
	return count;
}

/* Without each step in turn that is not needed for the failure. */
static size_t shorten(struct step *steps, size_t count, uint64_t seed)
{
	for (size_t i = count; i-- > 0;) {
		struct step without[STEPS_MOST];

		memcpy(without, steps, sizeof(without));
		memmove(without + i, without + i + 1, (count - i - 1) * sizeof(*without));
		if (!live(without, count - 1, seed))
			continue;
		memcpy(steps, without, sizeof(without));
		count--;
	}
	return count;
}

static void explain(struct step *steps, size_t count, uint64_t seed)
{
	count = shorten(steps, count, seed);
	print_told(seed);
	for (size_t i = 0; i < count; i++)
		fprintf(stderr, "  %s %u\n", step_names[steps[i].kind], steps[i].value);
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static void test_lives(void **state)
{
	uint64_t seed = from_environment("NA_MODEL_SEED", 0);
	uint64_t lives = seed ? 1 : from_environment("NA_MODEL_LIVES", LIVES);
	uint64_t first = seed ? seed : (uint64_t)getpid() * 1000003;

	(void)state;
	fprintf(stderr, "first seed %llu\n", (unsigned long long)first);
	for (uint64_t i = 0; i < lives; i++) {
		struct step steps[STEPS_MOST] = {0};
		size_t count = make_steps(first + i, steps);
		const char *failure = live(steps, count, first + i);

		if (failure)
			explain(steps, count, first + i);
		assert_null(failure);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_lives)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
