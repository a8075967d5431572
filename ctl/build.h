/* Images from Dockerfiles: build, rootfs and baseos.  buildah reads the Dockerfile and makes the image; the result is
 * imported into the store as any archive is (ctl/import.h). */
#ifndef CTR_CTL_BUILD_H
#define CTR_CTL_BUILD_H

#include "common/buf.h"
#include "common/err.h"
#include "ctl/root.h"
#include "ctl/runvm.h"
#include "store/work.h"

#include <stdbool.h>

struct build {
    const char *verb;
    const char *dockerfile, *context; /* as given; a context without a Dockerfile is build's alone */
    const char *tag, *target, *isolation, *image;
    struct list arguments; /* of --build-arg */
    struct buf ignored;    /* flags for a VM, which a build on the host has no use for; separated by ", " */
    struct root root;

    struct work work;  /* everything below is in it */
    struct buf folder; /* the context */
    struct buf file;   /* the Dockerfile */
};

/* Takes the flags.  -1 with err. */
int build_flags(struct build *b, char **argv, struct err *err);

/* Sets folder and file; fetches them first if the Dockerfile is in a git repository.  -1 with err. */
int build_source(struct build *b, struct err *err);

/* Runs a program with the user's own environment, and its output on stderr, and waits.  Its exit status, or -1 with
 * err. */
int build_run(const char *const argv[], struct err *err);

/* Runs buildah with its storage in the work folder: args follows its global flags.  With out: its stdout is appended to
 * it.  -1 with err, which begins with what. */
enum { BUILD_ARGS = 256 };
int build_buildah(struct build *b, const char *const args[], struct buf *out, const char *what, struct err *err);

/* Loads the images of the store that the Dockerfile names (FROM, COPY --from) into buildah's storage.  -1 with err. */
int build_bases(struct build *b, struct err *err);

/* The name behind the first FROM of the Dockerfile, and how many there are; owned by the caller.  NULL with err. */
char *build_from(const struct build *b, int *count, struct err *err);

#endif
