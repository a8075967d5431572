#include "common/edits.h"

#include <string.h>

unsigned edits(const char *a, const char *b)
{
    unsigned row[EDITS_MAX + 1];
    size_t len = strlen(b);
    if (len > EDITS_MAX || strlen(a) > EDITS_MAX)
        return EDITS_MAX;
    for (size_t i = 0; i <= len; i++)
        row[i] = (unsigned)i;
    for (size_t k = 1; *a; a++, k++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)k;
        for (size_t i = 1; i <= len; i++) {
            unsigned replaced = diagonal + (*a != b[i - 1]);
            unsigned other = (row[i] < row[i - 1] ? row[i] : row[i - 1]) + 1;
            diagonal = row[i];
            row[i] = replaced < other ? replaced : other;
        }
    }
    return row[len];
}
