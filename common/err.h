/* An error on its way up: one line of text, filled in where the cause is known and printed in one place
 * (main).  It says what was tried, on which object, why it failed and, where that helps, what to do. */
#ifndef CTR_ERR_H
#define CTR_ERR_H

struct err {
    char text[1024]; /* "" while nothing has failed; longer texts are truncated */
};

/* Sets the text; err may be NULL.  Always returns -1, so that a caller can `return err_set(...)`.
 * The first error wins: a failing cleanup must not hide what made it necessary. */
int err_set(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The same, followed by ": " and errno's text.  Keeps errno. */
int err_sys(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Appends " (hint)" to an error that is set: what the user can do about it. */
void err_hint(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
