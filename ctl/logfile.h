/* What a VM in the background writes on its stdout and stderr: the files `log` and, before it, `log.1` in a folder.
 *
 * The format is that of the CRI (Kubernetes, pkg/kubelet/kuberuntime/logs), which collectors of logs read:
 *
 *   2026-11-27T12:00:00.123456789Z stdout F text of a line
 *
 * with the time at which the line was complete, the stream, and F, or P if the text goes on in the stream's next
 * line.  Text may be any bytes but newlines. */
#ifndef CTR_CTL_LOGFILE_H
#define CTR_CTL_LOGFILE_H

#include "common/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOGFILE "log"
#define LOGFILE_BEFORE "log.1"
/* log becomes log.1 when it is about to be larger; a longer line is written in parts. */
enum { LOGFILE_MAX = 4 << 20, LOGFILE_LINE = 16 << 10 };

enum logfile_stream { LOGFILE_STDOUT, LOGFILE_STDERR, LOGFILE_STREAMS };

/* A writer. */
struct logfile {
    int folder, fd; /* folder: not owned */
    uint64_t size, lost;
    int error; /* why bytes were lost */
    struct buf unfinished[LOGFILE_STREAMS];
};

/* Opens the files in a folder, to go on with them.  -1 with errno. */
int logfile_open(struct logfile *l, int folder);

/* Adds output.  Output that cannot be written is lost, and the next written line says so. */
void logfile_add(struct logfile *l, enum logfile_stream stream, const char *text, size_t len);

/* Writes the unfinished line, and closes the files. */
void logfile_close(struct logfile *l);

/* A line as it is read; all point into the file's text. */
struct logfile_line {
    const char *time, *text;
    size_t time_len, text_len;
    enum logfile_stream stream;
    bool partial;
};

/* Takes the first line of the len bytes.  Returns the bytes used: 0 if the line is not complete.  A line that is
 * malformed has no text, and no time. */
size_t logfile_next(const char *text, size_t len, struct logfile_line *out);

#endif
