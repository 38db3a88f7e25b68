/* SPDX-License-Identifier: Apache-2.0 */
/* Signals as a descriptor. */
#include "cli/signals.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* ------------------------------------------------------------------------------------------- */

int na_signals_open(struct na_signals *signals, bool daemon)
{
	static const struct sigaction ignore = {.sa_handler = SIG_IGN};
	sigset_t wanted;

	*signals = (struct na_signals){.fd = -1};
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGINT);
	sigaddset(&wanted, SIGTERM);
	sigaddset(&wanted, SIGWINCH);
	if (daemon) {
		sigaddset(&wanted, SIGHUP);
		sigaddset(&wanted, SIGUSR1);
	}
	sigprocmask(SIG_BLOCK, &wanted, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	signals->fd = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
	return signals->fd < 0 ? -errno : 0;
}

void na_signals_close(struct na_signals *signals)
{
	if (signals->fd >= 0)
		close(signals->fd);
	signals->fd = -1;
}

void na_signals_take(struct na_signals *signals)
{
	struct signalfd_siginfo info;

	while (read(signals->fd, &info, sizeof(info)) == sizeof(info)) {
		signals->stop |= info.ssi_signo == SIGINT || info.ssi_signo == SIGTERM;
		signals->resize |= info.ssi_signo == SIGWINCH;
		signals->reload |= info.ssi_signo == SIGHUP;
		signals->reopen |= info.ssi_signo == SIGUSR1;
	}
}
