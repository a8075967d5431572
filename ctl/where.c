#include "ctl/where.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Cuts path into its directory and its last part, without trailing slashes: "/a/b/" is /a and b, "b" is . and b. */
static int split(const char *path, char folder[4096], char last[256], struct err *err)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    size_t start = len;
    while (start > 0 && path[start - 1] != '/')
        start--;
    size_t end = start > 1 ? start - 1 : start;
    if (len - start > 255 || end > 4095)
        return err_set(err, "cp: %s: the path is too long", path);
    snprintf(folder, 4096, "%.*s", end ? (int)end : 1, end ? path : ".");
    snprintf(last, 256, "%.*s", (int)(len - start), path + start);
    return 0;
}

static bool ends_in_slash(const char *path)
{
    size_t len = strlen(path);
    return len > 0 && path[len - 1] == '/';
}

/* A path that names no entry of its directory: /, . and .., also after a slash. */
static bool is_nameless(const char *last)
{
    return !*last || strcmp(last, ".") == 0 || strcmp(last, "..") == 0;
}

/* A whole directory: into an existing one under its own name; with a trailing /. into that directory itself. */
static int copy_folder(const char *source, const char *target, enum proto_copy target_kind, struct where *w,
                       struct err *err)
{
    char folder[4096], last[256];
    if (split(source, folder, last, err) < 0)
        return -1;
    if (strlen(source) >= sizeof(w->from) || strlen(target) >= sizeof(w->to))
        return err_set(err, "cp: %s: the path is too long", source);
    strcpy(w->from, source);
    strcpy(w->member, ".");
    if (target_kind == PROTO_COPY_FILE)
        return err_set(err, "cp: a directory cannot be copied onto the file %s", target);
    if (target_kind == PROTO_COPY_NOTHING)
        return split(target, w->to, w->name, err);
    strcpy(w->to, target);
    strcpy(w->name, is_nameless(last) ? "" : last);
    return 0;
}

int where_copy(const char *source, enum proto_copy source_kind, const char *target, enum proto_copy target_kind,
               struct where *w, struct err *err)
{
    *w = (struct where){0};
    if (source_kind == PROTO_COPY_NOTHING)
        return err_set(err, "cp: %s: no such file or directory", source);
    if (source_kind == PROTO_COPY_FOLDER)
        return copy_folder(source, target, target_kind, w, err);
    if (split(source, w->from, w->member, err) < 0)
        return -1;
    if (target_kind == PROTO_COPY_FOLDER) {
        if (strlen(target) >= sizeof(w->to))
            return err_set(err, "cp: %s: the path is too long", target);
        strcpy(w->to, target);
        return 0;
    }
    if (ends_in_slash(target))
        return err_set(err, "cp: %s: no such directory", target);
    return split(target, w->to, w->name, err);
}
