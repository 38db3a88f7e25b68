/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL, P-256 keys. */
#include "syslog_certificates.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define DAY 86400L

static void must(bool done)
{
	if (!done)
		abort();
}

static FILE *open_file(const char *folder, const char *name, const char *end, const char *mode)
{
	char path[300];
	FILE *file;

	must(snprintf(path, sizeof(path), "%s/%s.%s", folder, name, end) < (int)sizeof(path));
	file = fopen(path, mode);
	must(file != NULL);
	return file;
}

static void add_extension(X509 *certificate, int what, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, what, value);

	must(extension && X509_add_ext(certificate, extension, -1) == 1);
	X509_EXTENSION_free(extension);
}

static void fill(X509 *certificate, const char *name, const char *names, bool expired)
{
	static long serial = 1;
	X509_NAME *subject = X509_get_subject_name(certificate);

	must(X509_set_version(certificate, 2) == 1);
	must(ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++) == 1);
	must(X509_gmtime_adj(X509_getm_notBefore(certificate), -2 * DAY) != NULL);
	must(X509_gmtime_adj(X509_getm_notAfter(certificate), expired ? -DAY : DAY) != NULL);
	must(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name,
					-1, -1, 0) == 1);
	if (names)
		add_extension(certificate, NID_subject_alt_name, names);
	else
		add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
}

static void sign(X509 *certificate, EVP_PKEY *own, const char *folder, const char *authority)
{
	X509 *signer;
	EVP_PKEY *key;
	FILE *file;

	if (!authority) {
		must(X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) == 1);
		must(X509_sign(certificate, own, EVP_sha256()) > 0);
		return;
	}
	file = open_file(folder, authority, "pem", "re");
	signer = PEM_read_X509(file, NULL, NULL, NULL);
	fclose(file);
	file = open_file(folder, authority, "key", "re");
	key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
	fclose(file);
	must(signer && key);
	must(X509_set_issuer_name(certificate, X509_get_subject_name(signer)) == 1);
	must(X509_sign(certificate, key, EVP_sha256()) > 0);
	X509_free(signer);
	EVP_PKEY_free(key);
}

/* ------------------------------------------------------------------------------------------- */

void syslog_make_certificate(const char *folder, const char *name, const char *authority,
			     const char *names, bool expired)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();
	FILE *file;

	must(key && certificate);
	fill(certificate, name, names, expired);
	must(X509_set_pubkey(certificate, key) == 1);
	sign(certificate, key, folder, authority);
	file = open_file(folder, name, "pem", "we");
	must(PEM_write_X509(file, certificate) == 1);
	fclose(file);
	file = open_file(folder, name, "key", "we");
	must(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1);
	fclose(file);
	X509_free(certificate);
	EVP_PKEY_free(key);
}
