/* A child's signals, as a program that is started expects them. */
#ifndef CTR_SIGNALS_H
#define CTR_SIGNALS_H

/* All at their defaults, none blocked. */
void signals_default(void);

#endif
