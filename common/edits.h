/* How far two names are from each other, to guess which one a mistyped name is. */
#ifndef CTR_EDITS_H
#define CTR_EDITS_H

enum { EDITS_MAX = 32 };

/* Letters to insert, remove or replace (Levenshtein); EDITS_MAX if a name is longer than that. */
unsigned edits(const char *a, const char *b);

#endif
