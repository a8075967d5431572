/* A network that an administrator has configured: a file *.conflist (a chain of plugins), *.conf or *.json (one
 * plugin), as the Container Network Interface Specification has them, 0.3.0 to 1.1.0. */
#ifndef CTR_CNI_NETWORK_H
#define CTR_CNI_NETWORK_H

#include "common/buf.h"
#include "common/err.h"
#include "common/jsonread.h"

#include <stdbool.h>

enum { NETWORK_PLUGINS_MAX = 32, NETWORK_TEXT_MAX = 4 << 20 /* bytes */ };

struct network {
    char *text;           /* of the file; owned, as are */
    char *name, *version; /* cniVersion */
    struct jsonread json;
    int plugin[NETWORK_PLUGINS_MAX]; /* items */
    size_t count;
    bool no_check; /* disableCheck */
};

/* Whether the specification allows it as a name, which therefore contains no path. */
bool network_is_name(const char *name);

/* Reads the network of that name from the directory; NULL: that of the first file, by name.  -1 with err.  To be freed
 * in either case, as after network_read. */
int network_find(struct network *n, const char *dir, const char *name, struct err *err);

/* The same from the text of a file, which it takes over; where names it for messages.  single: it is one plugin's. */
int network_read(struct network *n, char *text, size_t len, bool single, const char *where, struct err *err);
void network_free(struct network *n);

/* Appends to out what a plugin of the network gets on its stdin: its own part of the configuration, the network's name
 * and version, those of the capabilities (a JSON object, or NULL) that the plugin supports, and the result of the
 * plugin before (JSON; NULL: none). */
void network_config(const struct network *n, size_t plugin, const char *capabilities, const char *previous,
                    struct buf *out);

/* The plugin's type, which is its program's name; owned by the caller.  NULL with err. */
char *network_type(const struct network *n, size_t plugin, struct err *err);

#endif
