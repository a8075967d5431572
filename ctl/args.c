#include "ctl/args.h"

#include "common/num.h"

#include <stdio.h>
#include <string.h>

enum { SECONDS_MAX = 86400 };

const char *args_value(char ***arg, const char *flag)
{
    size_t len = strlen(flag);
    if (strncmp(**arg, flag, len) != 0 || ((**arg)[len] && (**arg)[len] != '='))
        return NULL;
    if ((**arg)[len])
        return **arg + len + 1;
    return (*arg)[1] ? *++*arg : "";
}

int args_seconds(const char *text, uint64_t *seconds)
{
    char digits[16];
    size_t len = strspn(text, "0123456789");
    snprintf(digits, sizeof(digits), "%.*s", (int)len, text);
    return text[len] && strcmp(text + len, "s") != 0 ? -1 : num_parse(digits, 0, SECONDS_MAX, seconds);
}
