/* Copies bytes from one descriptor to another inside a loop, in order and unchanged, with a bounded buffer: while the
 * output is full, the input is not read, so that back-pressure reaches the writer.
 *
 * Theory of operation.  A pump waits for one thing: for input while its buffer is empty, for output while it is not. A
 * pump loses no wake-up. poll is level-triggered and called again in each round; the events it waits for depend on the
 * buffer alone (arm, after every change of the buffer); and a read or write with nothing to do changes nothing.
 * Draining is the exception: a draining pump waits for output even with an empty buffer, and an empty input is the end.
 */
#ifndef CTR_PUMP_H
#define CTR_PUMP_H

#include "common/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PUMP_BUFFER = 64 * 1024 };

struct pump {
    struct loop *loop;
    struct watch in, out;
    size_t start, len; /* what waits in buffer */
    size_t chunk;      /* the most that one write may take */
    bool draining;     /* the input ends where nothing more is there */
    uint64_t total;    /* bytes read so far */
    uint64_t end;      /* the input ends at this total, if not before */
    void (*seen)(struct pump *p, const char *data,
                 size_t len); /* NULL, or called with what was read; set after start */
    /* called once: after end of file, when everything has been written, or when a side has failed */
    void (*ended)(struct pump *p);
    char buffer[PUMP_BUFFER];
};

/* Starts to copy; in and out stay the caller's, open until ended was called.  in should be one that poll
 * knows; out should not block (pump_output makes one of a standard stream).  chunk: 0, or the most to
 * write at once when out may block.  -1 without memory. */
int pump_start(struct pump *p, struct loop *loop, int in, int out, size_t chunk, void (*ended)(struct pump *p));

/* Copies the input that is available now, then ends the pump, even if the input stays open: for a pipe or terminal that
 * another process holds open after its writer has ended.  The input must be non-blocking. */
void pump_drain(struct pump *p);

/* Ends the input after this many bytes, counted from the pump's start, even if it stays open. */
void pump_limit(struct pump *p, uint64_t total);

/* Stops at once; buffered bytes are lost.  ended is not called.  Allowed when not started, or ended. */
void pump_stop(struct pump *p);

/* A non-blocking way to write to fd without changing the file description that other processes share: a pipe or
 * terminal is opened anew, others are duplicated.  *chunk is for pump_start.  A descriptor that the caller owns, or -1
 * with errno. */
int pump_output(int fd, size_t *chunk);

#endif
