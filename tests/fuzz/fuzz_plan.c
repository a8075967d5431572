/* libFuzzer target: the environment and the command, as a container's author writes them.  What is refused has a
 * reason; what is accepted is in bounds and, printed as --dry-run does, is JSON to another reader (json-c), with the
 * guest's variables in it as they were given.
 *
 * The input: NAME=value strings, a NUL between them; those that begin with `@` are the command's arguments.  They
 * come behind an environment that is good, and the last of a name counts. */
#include "entry/plan/plan.h"
#include "tests/fuzz/check.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STRINGS_MAX = 256, ROOM = 32 };

static char good[ROOM][128];
static unsigned good_count;

static void make_file(const char *dir, const char *option, const char *name, const char *text)
{
    char path[80];
    snprintf(path, sizeof(path), "%.60s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
    CHECK(fd >= 0 && write(fd, text, strlen(text)) >= 0 && close(fd) == 0);
    snprintf(good[good_count++], sizeof(good[0]), "%s=%s", option, path);
}

/* A tree, a kernel and so on that plan_make finds nothing wrong with.  They stay: libFuzzer ends by _exit. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    static const char dir[] = "build/fuzz/plan.files";
    mkdir(dir, 0755);
    snprintf(good[good_count++], sizeof(good[0]), "VM_ROOTFS_DIR=%s", dir);
    snprintf(good[good_count++], sizeof(good[0]), "VM_SCRATCH_DIR=%s", dir);
    make_file(dir, "VM_KERNEL_IMAGE", "vmlinux", "\177ELF");
    make_file(dir, "VM_INITRD_IMAGE", "initrd", "");
    make_file(dir, "VM_FIRECRACKER_BIN", "firecracker", "");
    make_file(dir, "VM_JAILER_BIN", "jailer", "");
    return 0;
}

static const struct json_object *member(const struct json_object *object, const char *key)
{
    struct json_object *value;
    CHECK(json_object_object_get_ex(object, key, &value));
    return value;
}

/* The strings are those of list, in order; a byte that no JSON can hold has become U+FFFD. */
static void same_strings(const struct json_object *list, const struct buf *strings)
{
    size_t i = 0;
    for (size_t at = 0; at < strings->len; at += strlen(strings->data + at) + 1, i++) {
        const char *printed = json_object_get_string(json_object_array_get_idx(list, i));
        CHECK(printed && (strstr(printed, "\xef\xbf\xbd") || strcmp(printed, strings->data + at) == 0));
    }
    CHECK(json_object_array_length(list) == i);
}

static struct json_object *parse(const char *text, size_t size)
{
    struct json_tokener *reader = json_tokener_new();
    CHECK(reader && size > 0 && text[size - 1] == '\n');
    json_tokener_set_flags(reader, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    struct json_object *root = json_tokener_parse_ex(reader, text, (int)size - 1);
    if (!root)
        fprintf(stderr, "%s: %s\n", json_tokener_error_desc(json_tokener_get_error(reader)), text);
    CHECK(root && json_tokener_get_parse_end(reader) == size - 1);
    json_tokener_free(reader);
    return root;
}

static void check_plan(const struct options *o, const struct plan *plan)
{
    char *text = NULL;
    size_t size;
    struct err err = {0};
    FILE *out = open_memstream(&text, &size);
    CHECK(out && plan_print(plan, out, &err) == 0 && fclose(out) == 0);
    for (size_t i = 0; i + 1 < size; i++)
        CHECK((unsigned char)text[i] >= 0x20 && text[i] != 0x7f);
    struct json_object *root = parse(text, size);
    same_strings(member(root, "environment"), &o->environment);
    same_strings(member(root, "command"), &plan->command);
    int64_t vcpus = json_object_get_int64(member(root, "vcpu_count"));
    CHECK(vcpus >= 1 && vcpus <= 32);
    CHECK(json_object_get_int64(member(root, "mem_size_mib")) >= 64);
    CHECK(strlen(plan->boot_args) < 2048 && strlen(plan->id) >= 1 && strlen(plan->id) <= 64);
    CHECK(plan->supervise.stop_signal > 0 && plan->supervise.stop_signal <= 64);
    json_object_put(root);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct resources machine = {.cpus = 4, .total = 8ULL << 30, .available = 4ULL << 30, .limit = ~0ULL};
    char *env[STRINGS_MAX + ROOM], *argv[STRINGS_MAX + 2] = {"entry"};
    unsigned envc = 0, argc = 1;
    for (unsigned i = 0; i < good_count; i++)
        env[envc++] = good[i];
    char *copy = malloc(size + 1);
    CHECK(copy);
    memcpy(copy, data, size);
    copy[size] = '\0';
    for (char *s = copy; s < copy + size && envc < STRINGS_MAX && argc < STRINGS_MAX; s += strlen(s) + 1) {
        if (*s == '@')
            argv[argc++] = s + 1;
        else
            env[envc++] = s;
    }
    argv[argc] = env[envc] = NULL;

    struct err err = {0};
    struct options o;
    struct plan plan = {{0}};
    struct refusals refused = {0};
    int r = options_read(&o, argv, env, &err);
    CHECK(r == 0 ? !err.text[0] : err.text[0] != '\0');
    if (r == 0) {
        r = plan_make(&o, &machine, &plan, &refused);
        CHECK((r == 0) == (refused.lines.len == 0));
    }
    refusals_free(&refused);
    if (r == 0)
        check_plan(&o, &plan);
    plan_free(&plan);
    options_free(&o);
    free(copy);
    return 0;
}
