/* The names of images in a Dockerfile.  Everything else in it is buildah's to read. */
#ifndef CTR_CTL_DOCKERFILE_H
#define CTR_CTL_DOCKERFILE_H

#include "ctl/runvm.h"

#include <stdbool.h>

/* Calls found for the name behind each FROM (first) and each COPY --from=, until it returns other than 0, which is
 * returned then.  $NAME, ${NAME} and ${NAME:-TEXT} behind FROM have the values of the ARGs before the first FROM;
 * arguments (NAME=VALUE, of --build-arg) win over the values there.  Changes text.  -1 also without memory. */
int dockerfile_names(char *text, const struct list *arguments, int (*found)(void *arg, char *name, bool first),
                     void *arg);

#endif
