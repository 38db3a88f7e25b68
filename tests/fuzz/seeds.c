/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Without libFuzzer: the seeds through a fuzz target, each as it is, cut at many places, and with
 * bytes changed; always the same ones. Usage: PROGRAM FOLDER…
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define SEED_MAX (1 << 21)
#define CHANGED 200 /* variants of each seed */
#define CUTS 50

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run_cut(const uint8_t *seed, size_t size)
{
	for (size_t cut = 0; cut < CUTS; cut++)
		LLVMFuzzerTestOneInput(seed, size * cut / CUTS);
}

static void run_changed(const uint8_t *seed, uint8_t *copy, size_t size)
{
	unsigned int random = (unsigned int)size;

	for (int i = 0; i < CHANGED; i++) {
		memcpy(copy, seed, size);
		for (int change = rand_r(&random) % 8; change >= 0; change--) {
			size_t from = (size_t)rand_r(&random) % size;
			size_t to = (size_t)rand_r(&random) % size;

			/* A byte from elsewhere keeps the alphabet, a random one does not. */
			copy[to] = rand_r(&random) % 2 ? seed[from] : (uint8_t)rand_r(&random);
		}
		LLVMFuzzerTestOneInput(copy, size);
	}
}

/* Large seeds are about size: they run as they are. */
static int run_file(const char *path)
{
	NA_FCLOSE FILE *file = fopen(path, "re");
	NA_FREE uint8_t *seed = malloc(SEED_MAX);
	NA_FREE uint8_t *copy = malloc(SEED_MAX);
	size_t size;

	if (!file || !seed || !copy) {
		fprintf(stderr, "%s cannot be read\n", path);
		return -1;
	}
	size = fread(seed, 1, SEED_MAX, file);
	LLVMFuzzerTestOneInput(seed, size);
	if (size > 0 && size < 65536) {
		run_cut(seed, size);
		run_changed(seed, copy, size);
	}
	return 0;
}

/* The number of files, or -1. */
static int run_folder(const char *folder)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, NULL, alphasort), files = 0;

	for (int i = 0; i < count; i++) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
		if (*entries[i]->d_name != '.' && files >= 0)
			files = run_file(path) < 0 ? -1 : files + 1;
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return count < 0 ? -1 : files;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		int files = run_folder(argv[i]);

		if (files <= 0) {
			fprintf(stderr, "no seeds in %s\n", argv[i]);
			return 1;
		}
		printf("%d seeds of %s\n", files, argv[i]);
	}
	return argc < 2;
}
