#include "guest-init/request.h"

#include "guest-init/copy.h"

#include <stdlib.h>
#include <string.h>

/* The string at *at of text (len bytes followed by a NUL); *at moves past its NUL.  NULL at the end. */
static char *take_string(char *text, size_t len, size_t *at)
{
    if (*at >= len)
        return NULL;
    char *s = text + *at;
    *at += strlen(s) + 1;
    return s;
}

static bool same_name(const char *a, const char *b)
{
    size_t len = strcspn(a, "=");
    return strncmp(a, b, len) == 0 && b[len] == '=';
}

/* base's variables that the request does not set; count are its own, at own. */
static size_t add_base(char **to, char *const *base, char *const *own, size_t count)
{
    size_t n = 0;
    for (; *base; base++) {
        bool set = false;
        for (size_t i = 0; i < count; i++)
            set = set || same_name(own[i], *base);
        if (!set)
            to[n++] = *base;
    }
    return n;
}

int request_parse(const struct proto_msg *msg, char *const *base, struct request *r)
{
    uint32_t argc, envc;
    size_t len, at = 0, base_count = 0;
    *r = (struct request){0};
    if (!proto_field(msg, 0, &r->session) || !proto_field(msg, 1, &r->flags) || !proto_field(msg, 2, &r->rows) ||
        !proto_field(msg, 3, &r->columns) || !proto_field(msg, 4, &argc) || !proto_field(msg, 5, &envc))
        return -1;
    const uint8_t *data = proto_data(msg, 6, &len);
    if (argc == 0 || argc > len || envc > len || data[len - 1] != '\0')
        return -1;
    while (base[base_count])
        base_count++;
    r->text = malloc(len);
    r->lists = calloc(argc + 1 + envc + base_count + 1, sizeof(*r->lists));
    if (!r->text || !r->lists)
        return -1;
    memcpy(r->text, data, len);
    char **argv = r->lists, **env = r->lists + argc + 1;
    r->command.user = take_string(r->text, len, &at);
    r->command.directory = take_string(r->text, len, &at);
    for (uint32_t i = 0; i < argc; i++)
        if (!(argv[i] = take_string(r->text, len, &at)))
            return -1;
    for (uint32_t i = 0; i < envc; i++)
        if (!(env[i] = take_string(r->text, len, &at)))
            return -1;
    add_base(env + envc, base, env, envc);
    r->command.argv = argv;
    r->command.env = env;
    r->command.tty = r->flags & PROTO_EXEC_TTY;
    r->command.program = r->command.mounts = -1;
    if (r->flags & PROTO_EXEC_COPY)
        r->command.part = copy_main;
    return at == len ? 0 : -1;
}

void request_free(struct request *r)
{
    free(r->text);
    free(r->lists);
}
