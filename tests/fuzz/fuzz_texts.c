/* libFuzzer target: small files that others write, each parser behind a letter, the input's first byte.  The texts
 * have a NUL between them where a parser takes several.
 *
 *   u  an image's passwd and group, and a VM_USER      r  the container's resolv.conf
 *   h  its hosts, and its name                            m  /proc/meminfo and a cgroup's limits
 *   f  Firecracker's metrics                              a  its API's answers
 *   n  names of the host's store                          k  kernels and images that it is to keep
 *   c  an image's configuration
 *   p  a CNI plugin's configuration, and CNI_ARGS      d  a Dockerfile, and a --build-arg
 *   t  an archive of ctr-jailer cp; nothing is written (its checksums are taken to be right) */
#include "cni/result.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/meminfo.h"
#include "common/mountinfo.h"
#include "common/tar.h"
#include "common/unpack.h"
#include "common/user.h"
#include "ctl/dockerfile.h"
#include "ctl/logfile.h"
#include "ctl/wrap.h"
#include "entry/disks/hosts.h"
#include "entry/disks/settings.h"
#include "entry/plan/resources.h"
#include "entry/vmm/counters.h"
#include "entry/vmm/http.h"
#include "store/config.h"
#include "store/content.h"
#include "store/name.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/nofs.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* An answer is whole with all of its bytes, and not with one fewer. */
static void check_answer(const uint8_t *data, size_t size)
{
    enum { MAX = 4096 };
    struct http_answer a, b;
    if (http_parse((const char *)data, size, MAX, &a) < 1)
        return;
    CHECK(a.status >= 200 && a.head + a.length <= size && a.head + a.length <= MAX);
    CHECK(http_parse((const char *)data, a.head + a.length, MAX, &b) == 1 && a.status == b.status);
    CHECK(http_parse((const char *)data, a.head + a.length - 1, MAX, &b) == 0);
}

static void check_users(const char *text[3])
{
    struct user user;
    struct err err = {0};
    int r = user_find(text[0], text[1], text[2], &user, &err);
    CHECK(r == 0 ? !err.text[0] : err.text[0] != '\0');
    if (r < 0)
        return;
    CHECK(user.uid != (uid_t)-1 && user.gid != (gid_t)-1 && user.group_count <= USER_GROUPS_MAX);
    CHECK(memchr(user.home, '\0', sizeof(user.home)) && user.home[0]);
    for (size_t i = 0; i < user.group_count; i++)
        CHECK(user.groups[i] != (gid_t)-1);
}

/* What is left needs nothing more taken out. */
static void check_resolv(const char *text[3])
{
    struct buf once = {0}, again = {0};
    settings_resolv(text[0], NULL, &once);
    settings_resolv(once.data ? once.data : "", NULL, &again);
    CHECK(once.len == again.len && (once.len == 0 || memcmp(once.data, again.data, once.len) == 0));
    once.len = 0;
    settings_resolv(text[0], "10.0.0.1", &once);
    CHECK(once.len <= again.len + strlen("nameserver 10.0.0.1\n"));
    buf_free(&once);
    buf_free(&again);
}

/* What was made of it for the guest, is so already. */
static void check_hosts(const char *text[3])
{
    struct buf once = {0}, again = {0};
    struct hosts_own own = {text[1], text[2], "10.0.0.2", text[1][0] % 2 ? "fd00::2" : NULL};
    if (strpbrk(own.name, " \t\r\n#") || strpbrk(own.domain, " \t\r\n#"))
        return;
    hosts_make(text[0], &own, &once);
    CHECK(once.len == 0 || (!memchr(once.data, '#', once.len) && once.data[once.len - 1] == '\n'));
    hosts_make(once.data ? once.data : "", &own, &again);
    CHECK(once.len == again.len && (once.len == 0 || memcmp(once.data, again.data, once.len) == 0));
    buf_free(&once);
    buf_free(&again);
}

static void check_resources(const char *text[3])
{
    uint64_t limit = resources_memory_limit(text[0]);
    CHECK(limit == UINT64_MAX || limit < UINT64_C(1) << 60);
    CHECK(resources_cpu_max(text[0]) <= CPU_SETSIZE);
    struct resources r = {.cpus = 1, .limit = limit};
    r.total = meminfo_bytes(text[1], "MemTotal");
    r.available = meminfo_bytes(text[1], "MemAvailable");
    CHECK(resources_guest_mib(&r) <= limit >> 20);
}

/* Whatever Firecracker's lines are, what is made of them is Prometheus' text: comments, and samples whose labels end.
 */
static void check_metrics(const uint8_t *data, size_t size)
{
    struct buf out = {0};
    struct loop *loop = loop_new();
    int fd = memfd_create("metrics", MFD_CLOEXEC);
    CHECK(loop && fd >= 0 && write(fd, data, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0);
    struct counters *counters = counters_new(loop, fd);
    CHECK(counters);
    counters_read(counters);
    counters_print(counters, "vm", &out);
    for (const char *line = out.data, *end; line < out.data + out.len; line = end + 1) {
        end = strchr(line, '\n');
        CHECK(end && (strncmp(line, "# ", 2) == 0 || strncmp(line, "ctr_jailer_", 11) == 0));
        bool quoted = false;
        for (const char *c = line; *line != '#' && c < end; c++)
            if (*c == '\\')
                c++;
            else
                quoted ^= *c == '"';
        CHECK(!quoted && (*line == '#' || (end[-1] >= '0' && end[-1] <= '9')));
    }
    counters_free(counters);
    buf_free(&out);
    close(fd);
    loop_free(loop);
}

/* As a guest's, and as a host's, by the length. */
static void check_archive(const uint8_t *data, size_t size)
{
    struct err err = {0};
    struct unpack_plan plan = {.member = size % 3 ? "." : "a",
                               .name = size % 5 ? "" : "new",
                               .strange = size % 2,
                               .exact = size % 4 < 2,
                               .layer = size % 7 == 0};
    int fd = memfd_create("archive", MFD_CLOEXEC);
    CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0);
    log_set_level(LOG_ERROR);
    int r = tar_unpack(fd, fd, &plan, &err);
    CHECK(r == 0 ? !err.text[0] : err.text[0] != '\0');
    close(fd);
}

/* Paths in there are anybody's. */
static void check_mounts(const char *text[3])
{
    char *copy = strdup(text[0]), *rest = copy;
    CHECK(copy);
    for (struct mountinfo m; mountinfo_next(&rest, &m);) {
        (void)mountinfo_is_kernels(&m); /* for what the sanitizers see */
        CHECK(strlen(m.root) + strlen(m.point) + strlen(m.type) < strlen(text[0]));
    }
    free(copy);
}

/* Whatever an image is called and has for settings, no line of the Dockerfile is another's. */
static void check_inspected(const char *text[3])
{
    static const char *const starts[] = {"FROM ",   "COPY --from=",     "ENV ",       "ARG ",         "RUN : \"${",
                                         "EXPOSE ", "# The image has ", "WORKDIR \"", "HEALTHCHECK ", "ENTRYPOINT [",
                                         "CMD ["};
    struct err err = {0};
    struct buf out = {0}, omitted = {0};
    int r = wrap_stage(text[0], strlen(text[0]), *text[1] ? text[1] : NULL, &out, &omitted, &err);
    CHECK(r == 0 ? !err.text[0] : err.text[0] != '\0');
    char *rest = r == 0 ? out.data : NULL;
    for (char *line; rest && *(line = strsep(&rest, "\n"));) {
        size_t i = 0;
        while (i < sizeof(starts) / sizeof(*starts) && strncmp(line, starts[i], strlen(starts[i])) != 0)
            i++;
        CHECK(rest && i < sizeof(starts) / sizeof(*starts));
    }
    buf_free(&out);
    buf_free(&omitted);
}

static int check_from(void *arg, char *name, bool first)
{
    size_t *longest = arg;
    if (first && strlen(name) > *longest)
        *longest = strlen(name);
    return 0;
}

/* Whatever variables stand for other variables, no name grows with their number. */
static void check_dockerfile(const char *text[3])
{
    const char *argument = text[1];
    const struct list arguments = {.items = &argument, .count = 1};
    size_t longest = 0;
    char *copy = strdup(text[0]);
    CHECK(copy && dockerfile_names(copy, &arguments, check_from, &longest) == 0 && longest <= 4096);
    free(copy);
}

/* A name that is accepted is a file's in the store, and is itself when it is read again. */
static void check_names(const char *text[3])
{
    for (enum store_kind kind = 0; kind < STORE_KINDS; kind++) {
        struct err err = {0};
        char name[NAME_SIZE], again[NAME_SIZE];
        int r = name_parse(kind, text[0], name, &err);
        CHECK(r == 0 ? !err.text[0] : err.text[0] != '\0');
        if (r < 0)
            continue;
        CHECK(name_parse(kind, name, again, &err) == 0 && strcmp(name, again) == 0);
        CHECK(name[0] != '.' && name[0] != '/' && !strpbrk(name, "+ \t\n\r\\") && !strstr(name, "/."));
    }
}

/* What is accepted has at least its first bytes. */
static void check_content(const uint8_t *data, size_t size)
{
    int fd = memfd_create("content", MFD_CLOEXEC);
    CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    for (enum store_kind kind = 0; kind < STORE_KINDS; kind++) {
        struct err err = {0};
        int r = content_check(kind, fd, "content", &err);
        CHECK(r == 0 ? !err.text[0] && size > 18 : err.text[0] != '\0');
    }
    close(fd);
}

/* What is kept of a configuration is JSON, and is kept as it is when it is read again. */
static void check_config(const char *text[3])
{
    cleanup_buf struct buf out = {0}, wrapped = {0}, again = {0};
    struct err err = {0};
    int r = config_take("config", text[0], strlen(text[0]), &out, &err);
    CHECK(r == 0 ? !err.text[0] : err.text[0] != '\0');
    if (r < 0)
        return;
    CHECK(!memchr(out.data, '\0', out.len) && !strpbrk(out.data, "\n\033"));
    buf_fmt(&wrapped, "{\"os\":\"linux\",\"architecture\":\"" CONFIG_MACHINE "\",\"config\":%s}", out.data);
    CHECK(config_take("again", wrapped.data, wrapped.len, &again, &err) == 0);
    if (strstr(out.data, "\\ufffd")) /* was not UTF-8, and now is */
        return;
    CHECK(out.len == again.len && memcmp(out.data, again.data, out.len) == 0);
}

/* Whatever the plugins before have made: the result is JSON, with two interfaces more, which the next CHECK finds. */
static void check_plugin(const char *text[3])
{
    struct err err = {0};
    cleanup_buf struct buf out = {0};
    struct cni_request r;
    struct jsonread made;
    char tap[IFNAMSIZ];
    const struct cni_variables is = {"vm", "/run/netns/a", "eth0", text[1]};
    struct takeover_card card = {.tap = "tap0"};
    enum cni_code code = cni_request_read(&r, &is, text[0], strlen(text[0]), &err);
    CHECK(code == CNI_OK ? !err.text[0] : err.text[0] != '\0');
    if (code == CNI_OK) {
        CHECK(r.tap[0] && memchr(r.tap, '\0', sizeof(r.tap)));
        result_tap(&r, tap);
        result_add(&out, &r, &card);
        CHECK(!buf_failed(&out) && jsonread_open(&made, out.data, out.len) == 0);
        const int list = jsonread_member(&made, 0, "interfaces");
        size_t count = 0;
        for (int i = jsonread_first(&made, list); i >= 0; i = jsonread_next(&made, i))
            count++;
        CHECK(count >= 2);
        jsonread_close(&made);
    }
    cni_request_free(&r);
}

/* A log is read to its last whole line, and nothing outside of a line is shown. */
static void check_log(const uint8_t *data, size_t size)
{
    struct logfile_line line;
    cleanup_free char *copy = malloc(size + !size); /* no NUL behind it */
    CHECK(copy);
    memcpy(copy, data, size);
    const char *at = copy, *end = copy + size;
    for (size_t used; (used = logfile_next(at, (size_t)(end - at), &line)) > 0; at += used) {
        CHECK(used <= (size_t)(end - at) && at[used - 1] == '\n');
        if (line.text)
            CHECK(line.time == at && line.text > at && line.text + line.text_len == at + used - 1 &&
                  !memchr(line.text, '\n', line.text_len) && at[line.time_len] == ' ');
    }
    CHECK(!memchr(at, '\n', (size_t)(end - at)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct {
        char letter;
        void (*check)(const char *text[3]);
    } parsers[] = {{'u', check_users},     {'r', check_resolv},    {'h', check_hosts}, {'m', check_resources},
                   {'i', check_inspected}, {'o', check_mounts},    {'n', check_names}, {'c', check_config},
                   {'p', check_plugin},    {'d', check_dockerfile}};
    if (size == 0)
        return 0;
    if (data[0] == 'k') {
        check_content(data + 1, size - 1);
        return 0;
    }
    if (data[0] == 'l') {
        check_log(data + 1, size - 1);
        return 0;
    }
    if (data[0] == 't' || data[0] == 'f' || data[0] == 'a') {
        (data[0] == 't' ? check_archive : data[0] == 'f' ? check_metrics : check_answer)(data + 1, size - 1);
        return 0;
    }
    char *copy = calloc(1, size + 2); /* three NULs at the end, so that there are three texts */
    CHECK(copy);
    memcpy(copy, data + 1, size - 1);
    const char *text[3] = {copy};
    for (int i = 1; i < 3; i++)
        text[i] = text[i - 1] + strlen(text[i - 1]) + 1;
    for (size_t i = 0; i < sizeof(parsers) / sizeof(*parsers); i++)
        if (data[0] == parsers[i].letter)
            parsers[i].check(text);
    free(copy);
    return 0;
}

/* --- what unpack.c calls instead of the system ----------------------------------------------------------- */

uint32_t tar_checksum(const struct tar_header *h)
{
    return (uint32_t)strtoul(strndupa(h->checksum, sizeof(h->checksum)), NULL, 8);
}

/* One entry of a folder, and none that leads anywhere else, must come as far as here; but "." is the folder. */
static size_t checked(const char *entry)
{
    size_t len = strlen(entry);
    CHECK(len > 0 && len < 4096 && !strchr(entry, '/') && strcmp(entry, "..") != 0);
    return len;
}

/* Some are there already. */
int nofs_make(const char *entry)
{
    CHECK(strcmp(entry, ".") != 0);
    errno = EEXIST;
    return checked(entry) % 4 == 3 ? -1 : 0;
}

int nofs_open(const char *entry)
{
    static unsigned turn;
    errno = turn++ % 2 ? ENOENT : ELOOP;
    return checked(entry) % 16 == 13 ? -1 : memfd_create("member", MFD_CLOEXEC);
}

int nofs_remove(const char *entry)
{
    static const int errors[] = {ENOENT, EISDIR, EBUSY, ENOENT};
    size_t len = checked(entry);
    CHECK(strcmp(entry, ".") != 0);
    errno = errors[len % 4];
    return len % 8 < 4 ? -1 : 0;
}

int nofs_fstat(struct stat *st)
{
    static const mode_t types[] = {S_IFIFO, S_IFLNK, S_IFCHR, S_IFBLK};
    static unsigned turn;
    *st = (struct stat){.st_mode = types[turn++ % 4]};
    return 0;
}

int nofs_set(const char *path, const void *value, size_t len)
{
    static unsigned turn;
    for (const char *c = value; len > 0; len--) /* all of it can be read */
        (void)*(const volatile char *)c++;
    CHECK(strncmp(path, "/proc/self/fd/", 14) == 0);
    return turn++ % 64 == 63 ? -1 : 0;
}

int nofs_times(const char *path, const struct timespec *times)
{
    CHECK(times[1].tv_nsec >= 0 && times[1].tv_nsec < 1000000000);
    return nofs_set(path, NULL, 0);
}
