/* As much of HTTP/1.1 (RFC 9112) as Firecracker speaks on its API socket: answers have a Content-Length or no body.
 * (micro_http's response.rs, of the repository firecracker.) */
#ifndef CTR_HTTP_H
#define CTR_HTTP_H

#include "common/buf.h"

/* Appends a request; body: JSON, NULL for none. */
void http_request(struct buf *out, const char *method, const char *path, const char *body);

struct http_answer {
    long status;
    size_t head, length; /* bytes up to the body, and of it */
};

/* Reads a reply at the start of data: 1 with *a if it is complete; 0 if more is to come; -1 if it is an invalid reply:
 * not HTTP, not of the kind above, or longer than max. */
int http_parse(const char *data, size_t len, size_t max, struct http_answer *a);

#endif
