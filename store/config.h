/* An image's configuration: its author's settings for running it. */
#ifndef CTR_STORE_CONFIG_H
#define CTR_STORE_CONFIG_H

#include "common/buf.h"
#include "common/err.h"

#include <stddef.h>

/* This machine's architecture, as images name it. */
#ifdef __x86_64__
#define CONFIG_MACHINE "amd64"
#else
#define CONFIG_MACHINE "arm64"
#endif

/* Reads what `skopeo inspect --config` or `docker inspect` prints of one image (path is for err), and writes the part
 * that the store keeps to out: an object with the members of OCI's "config", and docker's Healthcheck and Shell, in one
 * order, so that the same configuration always has the same digest.  Refuses an image for another system or machine.
 * -1 with err. */
int config_take(const char *path, const char *text, size_t len, struct buf *out, struct err *err);

#endif
