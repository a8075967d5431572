/* Messages for people, one line each, on stderr, prefixed with the program's name.  Errors are always printed; the
 * level selects the other messages. */
#ifndef CTR_LOG_H
#define CTR_LOG_H

#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Called once, first thing in main.  name is not copied.  Default level: LOG_WARN. */
void log_init(const char *name);
void log_set_level(enum log_level level);
bool log_shows(enum log_level level);

/* "error", "warn", "info", "debug", in any case -> level; -1 for anything else. */
int log_level_parse(const char *text);

/* ASCII control characters in the message, escape included, are printed as \xNN: a guest must not steer the
 * terminal. */
void log_at(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_at(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)

#endif
