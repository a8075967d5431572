#include "store/copy.h"

#include "common/io.h"

#include <string.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024 };

static int is_zero(const char *data, size_t len)
{
    return data[0] == '\0' && memcmp(data, data + 1, len - 1) == 0;
}

int copy_in(int from, int to, char digest[SHA256_TEXT])
{
    static char chunk[CHUNK];
    struct sha256 sum;
    off_t at = 0;
    ssize_t n;
    sha256_start(&sum);
    for (; (n = io_pread_full(from, chunk, sizeof(chunk), at)) > 0; at += n) {
        sha256_add(&sum, chunk, (size_t)n);
        if (to >= 0 && !is_zero(chunk, (size_t)n) && io_pwrite_all(to, chunk, (size_t)n, at) < 0)
            return -1;
    }
    if (n < 0 || (to >= 0 && ftruncate(to, at) < 0))
        return -1;
    sha256_text(&sum, digest);
    return 0;
}
