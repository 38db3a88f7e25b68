/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates for tests of TLS, made anew for each run. */
#ifndef NA_SYSLOG_CERTIFICATES_H
#define NA_SYSLOG_CERTIFICATES_H

#include <stdbool.h>

/*
 * Makes FOLDER/NAME.pem and FOLDER/NAME.key. `names` is the subject's alternative names, as
 * "IP:127.0.0.1"; NULL: an authority. Signed by FOLDER/AUTHORITY, NULL: by itself. Aborts when it
 * cannot.
 */
void syslog_make_certificate(const char *folder, const char *name, const char *authority,
			     const char *names, bool expired);

#endif
