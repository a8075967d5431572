/* Base64 (RFC 4648, section 4), as Go's encoding/json writes bytes. */
#ifndef CTR_CNI_BASE64_H
#define CTR_CNI_BASE64_H

#include "common/buf.h"

void base64_encode(const void *data, size_t len, struct buf *out);

/* -1 if text is not valid base64. */
int base64_decode(const char *text, struct buf *out);

#endif
