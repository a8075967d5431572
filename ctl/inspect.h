/* Parts of what inspect prints. */
#ifndef CTR_CTL_INSPECT_H
#define CTR_CTL_INSPECT_H

#include "common/json.h"
#include "common/jsonread.h"

#include <stdbool.h>

struct inspected {
    const char *id, *root; /* root: of the records */
    bool show_environment;
    bool running, kept;           /* it has a state, a record */
    long code;                    /* -1: none */
    struct jsonread state, about; /* empty objects without */
};

/* Configs: its options at the start; of variables only the names, unless show_environment. */
void inspect_config(struct json *to, const struct inspected *vm);

/* CNI: its network, if it is on one. */
void inspect_cni(struct json *to, const struct inspected *vm);

/* Rootfs: the image, and the store's data about it. */
void inspect_image(struct json *to, const struct inspected *vm);

#endif
