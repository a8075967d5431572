/* wrap: `docker inspect IMAGE | ctr-jailer wrap`.  An image's settings do not come along with COPY --from: each becomes
 * what has its effect in the image of the microVM.
 *
 * Quoting is that of Dockerfiles (moby: frontend/dockerfile/shell/lex.go): in double quotes a backslash escapes a
 * quote, a dollar sign and itself, and nothing else; a newline cannot be written, and a line has at most 65535 bytes.
 */
#include "ctl/wrap.h"

#include "common/cleanup.h"
#include "common/confine.h"
#include "common/io.h"
#include "common/json.h"
#include "common/jsonread.h"
#include "common/log.h"
#include "common/units.h"
#include "common/variables.h"
#include "ctl/ctl.h"

#include <string.h>
#include <unistd.h>

enum { INPUT_MAX = 16 << 20, LINE_MAX_BYTES = 65535 };

struct wrap {
    const struct jsonread *json;
    int config; /* the image's .Config */
    struct buf *out, *omitted;
};

static int member(const struct wrap *w, const char *key)
{
    return jsonread_member(w->json, w->config, key);
}

static void add_quoted(struct buf *line, const char *value)
{
    buf_str(line, "\"");
    for (; *value; value++) {
        if (strchr("\"$\\", *value))
            buf_str(line, "\\");
        buf_add(line, value, 1);
    }
    buf_str(line, "\"");
}

static bool is_line(const struct buf *line)
{
    return line->len <= LINE_MAX_BYTES && !memchr(line->data, '\n', line->len);
}

/* Ends a line of the Dockerfile, or drops the line if a Dockerfile cannot hold it. */
static void add_line(struct wrap *w, const struct buf *line)
{
    w->out->failed |= line->failed;
    if (line->failed)
        return;
    if (is_line(line))
        buf_fmt(w->out, "%s\n", line->data);
    else
        buf_fmt(w->omitted, "%.*s: a Dockerfile cannot hold a value with a newline, or of more than 64 KB\n",
                (int)strcspn(line->data, "=\n"), line->data);
}

static void add_setting(struct wrap *w, const char *before, const char *value)
{
    cleanup_buf struct buf line = {0};
    buf_str(&line, before);
    add_quoted(&line, value);
    add_line(w, &line);
}

/* Whether the shell of RUN has such a variable. */
static bool is_shells(const char *name)
{
    static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_",
                      all[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
    return strchr(first, *name) && !name[strspn(name, all)];
}

/* A value that a Dockerfile cannot hold becomes a build argument.  The build fails without it, so nothing gets lost
 * silently. */
static void add_argument(struct wrap *w, const char *name)
{
    buf_fmt(w->out, "ARG %s\nRUN : \"${%s:?docker build needs --build-arg %s=...}\"\nENV %s=\"$%s\"\n", name, name,
            name, name, name);
    buf_fmt(w->omitted, "the value of %s has a newline, or more than 64 KB: pass docker build --build-arg %s=...\n",
            name, name);
}

/* PATH gets the prefix, because the container's own PATH must still find ctr-jailer. */
static void add_variable(struct wrap *w, char *variable)
{
    char *equals = strchr(variable, '=');
    if (!equals || equals == variable)
        return;
    *equals = '\0';
    bool prefixed = variables_need_prefix(variable) || strcmp(variable, "PATH") == 0;
    cleanup_buf struct buf name = {0}, line = {0};
    buf_fmt(&name, "%s%s", prefixed ? VARIABLES_CARRIED : "", variable);
    buf_fmt(&line, "ENV %s=", buf_failed(&name) ? "" : name.data);
    add_quoted(&line, equals + 1);
    w->out->failed |= name.failed || line.failed;
    if (buf_failed(w->out))
        return;
    if (strpbrk(variable, " \t\r\n\v\f\"'\\$"))
        buf_fmt(w->omitted, "ENV %s: a Dockerfile cannot hold this name\n", variable);
    else if (is_line(&line) || !is_shells(name.data))
        add_line(w, &line);
    else
        add_argument(w, name.data);
}

static void add_environment(struct wrap *w)
{
    for (int i = jsonread_first(w->json, member(w, "Env")); i >= 0; i = jsonread_next(w->json, i)) {
        cleanup_free char *variable = jsonread_string(w->json, i);
        if (variable)
            add_variable(w, variable);
    }
}

/* Appends a piece of a Dockerfile, followed by one string of the configuration, if that is set. */
static void add_string(struct wrap *w, const char *key, const char *before)
{
    cleanup_free char *value = jsonread_string(w->json, member(w, key));
    if (value && *value)
        add_setting(w, before, value);
}

/* Appends the items of an array in the exec form, after `first`, words that end in NULL. */
static void add_exec(struct wrap *w, const char *instruction, const char *const *first, int item)
{
    cleanup_buf struct buf line = {0};
    struct json j = {.out = &line, .first = true};
    buf_str(&line, instruction);
    json_open(&j, NULL, '[');
    while (*first)
        json_string(&j, NULL, *first++);
    for (; item >= 0; item = jsonread_next(w->json, item)) {
        cleanup_free char *word = jsonread_string(w->json, item);
        json_string(&j, NULL, word ? word : "");
    }
    json_close(&j, ']');
    add_line(w, &line);
}

static void add_command(struct wrap *w)
{
    static const char *const none[] = {NULL}, *const entry[] = {"/usr/bin/entry", "--", NULL};
    int entrypoint = jsonread_first(w->json, member(w, "Entrypoint")), cmd = jsonread_first(w->json, member(w, "Cmd"));
    if (entrypoint >= 0)
        add_exec(w, "ENTRYPOINT ", entry, entrypoint);
    if (cmd >= 0)
        add_exec(w, "CMD ", none, cmd);
    if (entrypoint < 0 && cmd < 0)
        buf_str(w->out, "# The image has no command of its own: docker run needs one, or add CMD here.\n");
}

static void add_healthcheck(struct wrap *w)
{
    static const struct {
        const char *key, *flag;
        bool duration; /* in nanoseconds */
    } flags[] = {{"Interval", "interval", true},
                 {"Timeout", "timeout", true},
                 {"StartPeriod", "start-period", true},
                 {"StartInterval", "start-interval", true},
                 {"Retries", "retries", false}};
    static const char *const plain[] = {"ctr-jailer", "exec", "--", NULL}, *const shell[] = {"ctr-jailer", "exec",
                                                                                             "--",         "/bin/sh",
                                                                                             "-c",         NULL};
    int health = member(w, "Healthcheck"), test = jsonread_first(w->json, jsonread_member(w->json, health, "Test"));
    cleanup_free char *kind = jsonread_string(w->json, test);
    if (!kind)
        return;
    if (strcmp(kind, "NONE") == 0) {
        buf_str(w->out, "HEALTHCHECK NONE\n");
        return;
    }
    cleanup_buf struct buf before = {0};
    buf_str(&before, "HEALTHCHECK");
    for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
        uint64_t value = jsonread_number(w->json, jsonread_member(w->json, health, flags[i].key));
        bool seconds = flags[i].duration && value % SECOND == 0;
        if (value)
            buf_fmt(&before, " --%s=%llu%s", flags[i].flag, (unsigned long long)(seconds ? value / SECOND : value),
                    seconds             ? "s"
                    : flags[i].duration ? "ns"
                                        : "");
    }
    buf_str(&before, " CMD ");
    w->out->failed |= before.failed;
    if (!before.failed)
        add_exec(w, before.data, strcmp(kind, "CMD") == 0 ? plain : shell, jsonread_next(w->json, test));
}

/* VM_PORTS is what lets `docker run -p` reach the guest. */
static void add_ports(struct wrap *w)
{
    cleanup_buf struct buf ports = {0};
    for (int i = jsonread_first(w->json, member(w, "ExposedPorts")); i >= 0; i = jsonread_next(w->json, i)) {
        cleanup_free char *port = jsonread_string(w->json, i);
        size_t digits = port ? strspn(port, "0123456789") : 0;
        if (digits == 0 || (strcmp(port + digits, "/tcp") != 0 && strcmp(port + digits, "/udp") != 0)) {
            buf_fmt(w->omitted, "EXPOSE %.40s: VM_PORTS accepts only TCP and UDP\n", port ? port : "");
            continue;
        }
        buf_fmt(w->out, "EXPOSE %s\n", port);
        buf_fmt(&ports, "%s%s", ports.len ? "," : "", port);
    }
    if (ports.len)
        add_setting(w, "ENV VM_PORTS=", ports.data);
}

/* Where the image keeps what is to stay.  A choice is the user's: /dev/vdb is one disk, and new. */
static void add_volumes(struct wrap *w)
{
    for (int i = jsonread_first(w->json, member(w, "Volumes")); i >= 0; i = jsonread_next(w->json, i)) {
        cleanup_buf struct buf line = {0};
        cleanup_free char *path = jsonread_string(w->json, i);
        buf_fmt(&line, "# The image has a volume at %s: VM_DATA_MOUNT can mount the data disk there.",
                path ? path : "");
        add_line(w, &line);
    }
}

/* How COPY --from knows the image: by a tag, a digest, or its id.  A container's is in its configuration. */
static char *name_of(const struct jsonread *j, int object, int config)
{
    static const char *const lists[] = {"RepoTags", "RepoDigests"};
    for (size_t i = 0; i < 2; i++) {
        char *name = jsonread_string(j, jsonread_first(j, jsonread_member(j, object, lists[i])));
        if (name)
            return name;
    }
    char *of_container = jsonread_string(j, jsonread_member(j, config, "Image"));
    if (of_container && *of_container)
        return of_container;
    free(of_container);
    return jsonread_string(j, jsonread_member(j, object, "Id"));
}

static int write_stage(const struct jsonread *j, const char *from, struct buf *out, struct buf *omitted,
                       struct err *err)
{
    int object = jsonread_first(j, 0);
    struct wrap w = {j, jsonread_member(j, object, "Config"), out, omitted};
    cleanup_free char *own = name_of(j, object, w.config);
    from = from ? from : own;
    if (w.config < 0 || !from || jsonread_next(j, object) >= 0)
        return err_set(err, "wrap: stdin must be what `docker inspect IMAGE` prints of one image");
    if (strpbrk(from, " \t\r\n\"'\\$"))
        return err_set(err, "wrap: %s: is not an image or a stage", from);
    buf_fmt(out, "FROM ctr-jailer\nCOPY --from=%s / /usr/src/app/rootfs\n", from);
    add_environment(&w);
    add_string(&w, "User", "ENV VM_USER=");
    add_string(&w, "StopSignal", "ENV VM_STOP_SIGNAL=");
    add_ports(&w);
    add_volumes(&w);
    add_string(&w, "WorkingDir", "WORKDIR ");
    add_healthcheck(&w);
    add_command(&w);
    return buf_failed(out) || buf_failed(omitted) ? err_set(err, "out of memory") : 0;
}

int wrap_stage(const char *inspected, size_t len, const char *from, struct buf *out, struct buf *omitted,
               struct err *err)
{
    struct jsonread json;
    if (jsonread_open(&json, inspected, len) < 0)
        return err_set(err, "wrap: stdin is not JSON: give it what `docker inspect IMAGE` prints");
    int r = write_stage(&json, from, out, omitted, err);
    jsonread_close(&json);
    return r;
}

static int read_stdin(struct buf *text, struct err *err)
{
    char chunk[16384];
    ssize_t n;
    while ((n = io_read_full(STDIN_FILENO, chunk, sizeof(chunk))) > 0 && text->len <= INPUT_MAX)
        buf_add(text, chunk, (size_t)n);
    if (n < 0)
        return err_sys(err, "wrap: cannot read stdin");
    if (n > 0)
        return err_set(err, "wrap: stdin has more than %d bytes", INPUT_MAX);
    buf_add(text, "", 1);
    return buf_failed(text) ? err_set(err, "out of memory") : 0;
}

int ctl_wrap(const char *id, char **argv, struct err *err)
{
    (void)id;
    cleanup_buf struct buf text = {0}, stage = {0}, omitted = {0};
    if (argv[1] && argv[2])
        return err_set(err, "wrap: usage: docker inspect IMAGE | ctr-jailer wrap [STAGE]");
    if (confine_client(err) < 0 || read_stdin(&text, err) < 0 ||
        wrap_stage(text.data, text.len - 1, argv[1], &stage, &omitted, err) < 0)
        return -1;
    for (char *rest = omitted.data, *line; rest && *(line = strsep(&rest, "\n"));)
        log_warn("not in the Dockerfile: %s", line);
    return ctl_print(&stage, false, err);
}
