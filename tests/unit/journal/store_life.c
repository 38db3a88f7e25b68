/* SPDX-License-Identifier: Apache-2.0 */
/* A journal's life beside a model of it. */
#include "store_life.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/crc32c.h"
#include "faulty_fs.h"
#include "journal/fault.h"
#include "store_model.h"
#include "store_support.h"
#include "turns.h"

#define CHANCES_MOST 400 /* until a kill comes */

struct life {
	struct na_world world;
	struct na_journal *journal;
	struct na_model model;
	uint64_t stamp;
	bool inexact; /* something was destroyed from outside: a reader tells, not the writer */
	bool turns, dead;
	bool crash; /* the next death is one of the machine */
	uint32_t crash_seed;
	char *tail; /* as it was at the death; NULL: there was none */
	size_t tail_size;
};

const char *const na_step_names[NA_STEP_COUNT] = {"append", "tell",   "sync",  "read",
						  "end",    "kill",   "crash", "fault",
						  "clear",  "remove", "flip",  "stall"};

static struct life life;
static struct na_model failed;

/* Of the only reader: what it needs still. */
static _Atomic uint64_t cursor;

static uint64_t epoch(void)
{
	return strtoull(strrchr(na_journal_instance(life.journal), '-') + 1, NULL, 16);
}

static uint64_t instance(void)
{
	const char *text = na_journal_instance(life.journal);

	return (uint64_t)na_crc32c(0, text, 36) << 32 | na_crc32c(1, text, 36);
}

static void append(void)
{
	struct na_model_event *event = &life.model.events[life.model.count];

	if (life.dead || life.model.count == NA_MODEL_EVENTS)
		return;
	event->stamp = ++life.stamp;
	event->epoch = epoch();
	event->instance = instance();
	event->overrun = event->read = false;
	event->sequence = na_append(life.journal, event->stamp);
	event->unsure = life.dead;
	life.model.count++;
}

static void tell(void)
{
	struct na_journal_status before, after;
	struct na_journal_loss loss;

	while (life.model.told_count < NA_MODEL_LOSSES && life.model.count < NA_MODEL_EVENTS &&
	       !life.dead && na_journal_take_loss(life.journal, &loss)) {
		na_journal_status(life.journal, &before);
		if (life.dead)
			return;
		append();
		na_journal_status(life.journal, &after);
		if (after.events_lost != before.events_lost)
			return; /* it comes again */
		life.model.told[life.model.told_count++] =
			(struct na_model_told){loss, life.model.count - 1};
	}
}

/* What a process leaves that is killed here; what it does from now on is undone. */
static void died(void)
{
	NA_CLOSE int fd = open(life.world.tail, O_RDONLY | O_CLOEXEC);
	struct stat status;

	life.dead = true;
	na_faulty_freeze(true);
	if (fd < 0)
		return;
	assert(fstat(fd, &status) == 0);
	life.tail_size = (size_t)status.st_size;
	life.tail = malloc(life.tail_size + 1);
	assert(life.tail && read(fd, life.tail, life.tail_size) == (ssize_t)life.tail_size);
}

static void restore_tail(void)
{
	NA_FREE char *tail = NA_TAKE_POINTER(life.tail);
	NA_CLOSE int fd = -1;

	unlink(life.world.tail);
	if (!tail)
		return;
	fd = open(life.world.tail, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	assert(fd >= 0 && write(fd, tail, life.tail_size) == (ssize_t)life.tail_size);
}

static void open_journal(void)
{
	NA_CLEANUP(na_buffer_done) struct na_buffer why = {0};
	int error = na_journal_open(&life.world.options, &life.journal, &why);

	if (error < 0 && !life.dead)
		fprintf(stderr, "open: %d %.*s\n", error, (int)why.length, why.data);
	assert(error == 0 || life.dead);
}

static void start_journal(void)
{
	if (!life.dead)
		assert(na_journal_start(life.journal) == 0);
}

/* The process is gone; what it left is found by another one. */
static void revive(void)
{
	NA_CLEANUP(na_harvest_done) struct na_harvest before = {0}, after = {0};

	na_faulty_stall(false);
	na_journal_close(&life.journal, 0);
	if (life.turns)
		restore_tail();
	na_faulty_freeze(false);
	na_turns_die_after(0, NULL);
	life.dead = false;
	na_harvest(&life.world, &before);
	if (life.crash) {
		na_faulty_clear();
		na_faulty_crash(life.world.folder, life.crash_seed);
		unlink(life.world.tail);
	}
	open_journal();
	na_harvest(&life.world, &after);
	na_model_settle(&life.model, &before, &after, na_journal_next_sequence(life.journal),
			life.crash);
	life.crash = false;
	start_journal();
}

static void reopen(void)
{
	na_journal_close(&life.journal, na_soon());
	if (life.dead)
		return;
	open_journal();
	start_journal();
}

static void die_soon(uint32_t value, bool crash)
{
	life.crash = crash;
	life.crash_seed = value;
	if (life.turns)
		na_turns_die_after(1 + value / 16 % (CHANCES_MOST >> value % 8), died);
	else
		life.dead = true;
}

static void set_fault(uint32_t value)
{
	static const int errors[] = {ENOSPC, EIO, EROFS, EDQUOT};
	enum na_faulty_call call = (enum na_faulty_call)(value % 8);
	unsigned int count = 1 + value / 8 % 12;

	switch (value % 8) {
	case 6:
		na_faulty_short(true);
		break;
	case 7:
		na_faulty_fail(NA_FAULTY_SYNC, count, EIO);
		break;
	case NA_FAULTY_READ: /* who cannot read cannot tell exactly: not often */
		if (value / 1024 % 8)
			call = NA_FAULTY_WRITE;
		else
			life.inexact = true;
		/* fall through */
	default:
		na_faulty_fail(call, count, errors[value / 128 % 4]);
	}
}

/* One bit of a segment while nobody has the journal; its readers will say so. */
static void flip(uint32_t value)
{
	char path[2 * NA_TEST_PATH_SIZE], byte;
	struct stat status;

	na_faulty_clear();
	na_journal_close(&life.journal, na_soon());
	if (life.dead)
		return;
	if (na_world_file(&life.world, ".segment", value % 3, path)) {
		NA_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC);

		if (fstat(fd, &status) == 0 && status.st_size > 0) {
			off_t at = (off_t)(value / 4) % status.st_size;

			assert(lseek(fd, at, SEEK_SET) == at && read(fd, &byte, 1) == 1);
			byte = (char)(byte ^ 1 << value % 8);
			assert(lseek(fd, at, SEEK_SET) == at && write(fd, &byte, 1) == 1);
			life.inexact = true;
		}
	}
	if (!life.dead)
		open_journal();
	start_journal();
}

static void remove_folder(void)
{
	char path[2 * NA_TEST_PATH_SIZE];

	na_faulty_clear();
	while (na_world_file(&life.world, "", 0, path))
		unlink(path);
	rmdir(life.world.folder);
	na_faulty_forget();
	life.inexact = true;
}

static void append_some(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		append();
}

static void sync_all(void)
{
	na_faulty_clear();
	if (na_journal_sync(life.journal, na_soon()) < 0 && !life.dead)
		na_model_wrong(&life.model, "sync timed out", 0);
}

/*
 * Not while something is being deleted, as what is read then is told as well: an event makes the
 * writer finish that.
 */
static void read_some(uint32_t value)
{
	NA_CLEANUP(na_harvest_done) struct na_harvest found = {0};
	size_t until;

	na_faulty_clear();
	append();
	sync_all();
	if (life.dead)
		return;
	na_harvest(&life.world, &found);
	until = found.count ? value % found.count : 0;
	na_model_read(&life.model, &found, until);
	if (found.count && found.items[until].position > cursor)
		cursor = found.items[until].position;
}

static void take(const struct na_step *step)
{
	switch (step->kind) {
	case NA_STEP_APPEND:
		append_some(1 + step->value % 24);
		break;
	case NA_STEP_TELL:
		tell();
		break;
	case NA_STEP_SYNC:
		sync_all();
		break;
	case NA_STEP_READ:
		read_some(step->value);
		break;
	case NA_STEP_END:
		if (step->value % 4)
			na_faulty_clear();
		na_faulty_stall(false);
		reopen();
		break;
	case NA_STEP_KILL:
	case NA_STEP_CRASH:
		die_soon(step->value, step->kind == NA_STEP_CRASH);
		break;
	case NA_STEP_FAULT:
		set_fault(step->value);
		break;
	case NA_STEP_STALL:
		na_faulty_stall(true);
		append_some(step->value % 1500);
		break;
	case NA_STEP_CLEAR:
		na_faulty_clear();
		break;
	case NA_STEP_REMOVE:
		if (step->value % 8 == 0)
			remove_folder();
		break;
	case NA_STEP_FLIP:
		if (step->value % 8 == 0)
			flip(step->value / 8);
		break;
	case NA_STEP_COUNT:
		break;
	}
	while (life.dead)
		revive();
}

static void check(void)
{
	NA_CLEANUP(na_harvest_done) struct na_harvest found;

	na_harvest(&life.world, &found);
	na_model_check(&life.model, &found, life.inexact);
}

static uint64_t needed(const char *cursors, const uint8_t journal[16])
{
	(void)cursors;
	(void)journal;
	return cursor;
}

static void begin(uint64_t seed, bool turns)
{
	memset(&life, 0, sizeof(life));
	life.turns = turns;
	na_world_init(&life.world);
	life.world.options.deferred = true;
	life.world.options.sync = seed % 3;
	life.world.options.tail_size = seed % 5 ? 64 << 10 : 16 << 10;
	if (seed % 7 == 0)
		life.world.options.max_size = 64 << 10;
	life.world.options.needed = needed;
	cursor = 0;
	na_faulty_clear();
	na_faulty_remember(true);
	if (turns)
		na_turns_begin(seed);
	na_faulty_watch(turns ? na_turns_pass : NULL);
	open_journal();
	start_journal();
}

size_t na_journal_fault(const char *point)
{
	na_turns_pass();
	return life.turns && !life.dead && strcmp(point, "append.copy") == 0 ? na_turns_draw(200)
									     : 0;
}

/* ------------------------------------------------------------------------------------------- */

const char *na_life(const struct na_step *steps, size_t count, uint64_t seed, bool turns)
{
	begin(seed, turns);
	for (size_t i = 0; i < count && !life.model.failure; i++)
		take(&steps[i]);
	na_turns_die_after(0, NULL);
	/* What the end drops is told by the next start; that one has room, so nothing more goes. */
	life.world.options.max_size = UINT64_MAX;
	take(&(struct na_step){NA_STEP_SYNC, 0});
	reopen();
	tell();
	na_journal_close(&life.journal, na_soon());
	na_turns_end();
	if (!life.model.failure)
		check();
	if (life.model.failure)
		failed = life.model;
	na_faulty_watch(NULL);
	na_faulty_remember(false);
	na_world_done(&life.world);
	return life.model.failure;
}

void na_life_explain(void)
{
	na_model_explain(&failed);
}
