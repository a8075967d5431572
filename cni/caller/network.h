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
    bool upkeep;   /* version 1.1.0 or later: there are STATUS and GC */
    bool no_gc;    /* disableGC */
};

/* Whether the specification allows it as a name, which therefore contains no path. */
bool network_is_name(const char *name);

/* Reads the network of that name from the directory; NULL: that of the first file, by name.  -1 with err.  To be freed
 * in either case, as after network_read. */
int network_find(struct network *n, const char *dir, const char *name, struct err *err);

/* The same from the text of a file, which it takes over; where names it for messages.  single: it is one plugin's. */
int network_read(struct network *n, char *text, size_t len, bool single, const char *where, struct err *err);
void network_free(struct network *n);

/* What a plugin may be told beside the network's configuration, as JSON; NULL: nothing. */
struct network_extra {
    const char *capabilities; /* object; a plugin gets those that it supports */
    const char *previous;     /* the result of the plugin before */
    const char *attachments;  /* for GC: list of those that are in use */
};

/* What a plugin of the network gets on its stdin: its own part with the network's name and version, and extra. Appended
 * to out. */
void network_config(const struct network *n, size_t plugin, const struct network_extra *extra, struct buf *out);

/* The plugin's type, which is its program's name; owned by the caller.  NULL with err. */
char *network_type(const struct network *n, size_t plugin, struct err *err);

#endif
