#include "oci/conf.h"

#include "common/array.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "common/variables.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { CONF_MAX = 64 * 1024 };

#define TOOLKIT CTR_LIB_DIR "/toolkit"
#define STATE "/var/lib/ctr-jailer/oci"

/* These come from the bundle. */
static const char *const fixed[] = {"VM_ROOTFS_DIR",  "VM_VOLUMES", "VM_USER",           "VM_WORKDIR",
                                    "VM_SCRATCH_DIR", "VM_ID",      "VM_ROOTFS_READONLY"};

static int take_option(struct conf *c, const char *line, const char *equals, int number, struct err *err)
{
    char name[64];
    if (snprintf(name, sizeof(name), "%.*s", (int)(equals - line), line) >= (int)sizeof(name) ||
        !variables_need_prefix(name) || variables_describe_container(name) ||
        strncmp(name, VARIABLES_CARRIED, strlen(VARIABLES_CARRIED)) == 0)
        return err_set(err, CONF_FILE ": line %d: %s is not an option", number, name);
    for (size_t i = 0; i < COUNT(fixed); i++)
        if (strcmp(name, fixed[i]) == 0)
            return err_set(err, CONF_FILE ": line %d: %s comes from the container", number, name);
    buf_add(&c->options, line, strlen(line) + 1);
    return buf_failed(&c->options) ? err_set(err, "out of memory") : 0;
}

static int take_line(struct conf *c, char *line, int number, struct err *err)
{
    const struct {
        const char *name, **value;
    } own[] = {{"OCI_TOOLKIT", &c->toolkit}, {"OCI_BASE", &c->base}, {"OCI_STATE", &c->state}};
    const char *equals = strchr(line, '=');
    if (!*line || *line == '#')
        return 0;
    if (!equals || equals == line)
        return err_set(err, CONF_FILE ": line %d: is not NAME=value", number);
    for (size_t i = 0; i < COUNT(own); i++) {
        size_t len = strlen(own[i].name);
        if ((size_t)(equals - line) != len || strncmp(line, own[i].name, len) != 0)
            continue;
        if (equals[1] != '/')
            return err_set(err, CONF_FILE ": line %d: %s must be an absolute path", number, own[i].name);
        *own[i].value = equals + 1;
        return 0;
    }
    return take_option(c, line, equals, number, err);
}

int conf_parse(struct conf *c, char *text, size_t len, struct err *err)
{
    *c = (struct conf){.text = text, .toolkit = TOOLKIT, .state = STATE};
    if (strlen(text) != len)
        return err_set(err, CONF_FILE ": contains a NUL");
    int number = 1;
    for (char *line; (line = strsep(&text, "\n")); number++)
        if (take_line(c, line, number, err) < 0)
            return -1;
    return 0;
}

int conf_read(struct conf *c, struct err *err)
{
    const char *named = getenv(CONF_FILE_VARIABLE), *path = named ? named : CONF_FILE;
    struct stat st;
    size_t len = 0;
    *c = (struct conf){.toolkit = TOOLKIT, .state = STATE};
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT && !named)
        return 0;
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(err, "cannot open %s", path);
    if (!S_ISREG(st.st_mode) || st.st_uid != 0 || (st.st_mode & 022))
        return err_set(err, "%s must be a regular file that belongs to root and that nobody else may write", path);
    cleanup_free char *text = calloc(1, CONF_MAX + 1);
    ssize_t n = text ? io_read_full(fd, text, CONF_MAX) : -1;
    if (n < 0)
        return err_sys(err, "cannot read %s", path);
    len = (size_t)n;
    return conf_parse(c, steal_ptr(&text), len, err);
}

void conf_free(struct conf *c)
{
    free(c->text);
    buf_free(&c->options);
}

const char *conf_option(const struct conf *c, const char *name, size_t len)
{
    const char *found = NULL;
    for (size_t at = 0; at < c->options.len; at += strlen(c->options.data + at) + 1)
        if (strncmp(c->options.data + at, name, len) == 0 && c->options.data[at + len] == '=')
            found = c->options.data + at + len + 1;
    return found;
}
