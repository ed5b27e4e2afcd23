/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/broker/trust.h"

#include <curl/curl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>

/*
 * libcurl would read a file of certificates at each connection.  Here they are
 * read once, and each connection refers to them: no file has to stay in reach,
 * and a hundred connections need the memory of one.
 */
struct trust {
	X509_STORE *store;
};

int trust_open(const char *path, struct trust **out, struct err *e)
{
	const char *file = path ? path : curl_version_info(CURLVERSION_NOW)->cainfo;
	struct trust *t = calloc(1, sizeof(*t));

	if (!t || !(t->store = X509_STORE_new())) {
		trust_close(t);
		return err_set(e, ENOMEM, "out of memory for certificates");
	}
	ERR_clear_error();
	if (!file || X509_STORE_load_file(t->store, file) != 1) {
		const char *why = ERR_reason_error_string(ERR_peek_last_error());

		trust_close(t);
		if (path)
			return err_set(e, EINVAL, "'%s' has no certificates that can be read: %s",
				       path, why ? why : "no PEM file");
		return err_set(e, ENOENT,
			       "the system's certificates ('%s') cannot be read: install "
			       "ca-certificates, or name a file with 'ca'",
			       file ? file : "");
	}
	*out = t;
	return 0;
}

void trust_close(struct trust *t)
{
	if (!t)
		return;
	X509_STORE_free(t->store);
	free(t);
}

static CURLcode give_store(CURL *easy, void *ctx, void *arg)
{
	const struct trust *t = arg;

	(void)easy;
	SSL_CTX_set1_cert_store(ctx, t->store);
	return CURLE_OK;
}

int trust_use(struct trust *t, void *easy, struct err *e)
{
	if (curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) != CURLE_OK ||
	    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) != CURLE_OK ||
	    curl_easy_setopt(easy, CURLOPT_PROXY_SSL_VERIFYPEER, 1L) != CURLE_OK ||
	    curl_easy_setopt(easy, CURLOPT_PROXY_SSL_VERIFYHOST, 2L) != CURLE_OK ||
	    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) != CURLE_OK ||
	    curl_easy_setopt(easy, CURLOPT_CAINFO, NULL) != CURLE_OK ||
	    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) != CURLE_OK)
		return err_set(e, EIO, "libcurl cannot be told to verify");
	/* without certificates (only plain HTTP on loopback) every TLS handshake fails */
	if (t && (curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, give_store) != CURLE_OK ||
		  curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, t) != CURLE_OK))
		return err_set(e, EIO, "libcurl cannot be told which certificates to trust");
	return 0;
}
