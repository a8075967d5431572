/* libFuzzer target: layers of an image, unpacked over each other in a real directory (common/layer.h).
 *
 * The input is text, a member a line, from which the target makes archives: a letter, a path, and the target of a link.
 * f: a file, d: a directory, s: a symbolic link, h: a hard link, p: a FIFO; whiteouts are names.  A line - begins the
 * next layer.  In targets, O is a directory outside of the tree.
 *
 * Whatever the layers say: what is outside stays as it was, no whiteout becomes a file, a layer that was unpacked has
 * its last member in the tree, and the tree can be removed. */
#include "common/layer.h"

#include "common/cleanup.h"
#include "common/tar.h"
#include "common/unpack.h"
#include "tests/fuzz/check.h"

#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { LAYERS = 8, MEMBERS = 64 };

static char place[] = "/dev/shm/fuzz_layer.XXXXXX";
static int here = -1;
static struct stat folder_before, file_before;

static void make_outside(void)
{
    int fd;
    CHECK(mkdirat(here, "outside", 0755) == 0 && mkdirat(here, "tree", 0755) == 0);
    CHECK((fd = openat(here, "outside/f", O_WRONLY | O_CREAT | O_CLOEXEC, 0644)) >= 0 && write(fd, "safe", 4) == 4);
    close(fd);
    CHECK(fstatat(here, "outside", &folder_before, 0) == 0 && fstatat(here, "outside/f", &file_before, 0) == 0);
}

static void leave_nothing(void)
{
    layer_remove(AT_FDCWD, place);
}

static bool same(const char *path, const struct stat *before)
{
    struct stat now;
    return fstatat(here, path, &now, AT_SYMLINK_NOFOLLOW) == 0 && now.st_ino == before->st_ino &&
           now.st_mode == before->st_mode && now.st_nlink == before->st_nlink && now.st_size == before->st_size &&
           memcmp(&now.st_ctim, &before->st_ctim, sizeof(now.st_ctim)) == 0;
}

static int check_name(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    CHECK(kind == FTW_D || !unpack_is_whiteout(path + at->base)); /* a directory of that name may be above a member */
    return 0;
}

static bool put_octal(char *field, size_t size, unsigned long value)
{
    return snprintf(field, size, "%0*lo", (int)size - 1, value) < (int)size;
}

/* A header, and for a file a block of data. */
static void put_member(int archive, char letter, const char *path, const char *link)
{
    static const char letters[] = "fdshp", types[] = "05216";
    struct tar_header h = {.type = types[strchr(letters, letter) - letters], .magic = "ustar", .version = {'0', '0'}};
    char data[TAR_BLOCK] = "data";
    bool outside = link[0] == 'O' && (!link[1] || link[1] == '/');
    memcpy(h.name, path, strnlen(path, sizeof(h.name)));
    snprintf(h.link, sizeof(h.link), "%s%s%s", outside ? place : "", outside ? "/outside" : "", link + outside);
    put_octal(h.mode, sizeof(h.mode), letter == 'd' ? 0755 : 0644);
    put_octal(h.uid, sizeof(h.uid), 0);
    put_octal(h.gid, sizeof(h.gid), 0);
    put_octal(h.mtime, sizeof(h.mtime), 1);
    put_octal(h.size, sizeof(h.size), letter == 'f' ? 4 : 0);
    put_octal(h.checksum, 7, tar_checksum(&h));
    CHECK(write(archive, &h, sizeof(h)) == sizeof(h));
    CHECK(letter != 'f' || write(archive, data, sizeof(data)) == sizeof(data));
}

/* The kind that the last member has in the tree. */
static void check_last(int tree, char letter, char *path)
{
    struct stat st;
    CHECK(tar_normalize(path));
    if (unpack_is_whiteout(path) || !*path)
        return;
    CHECK(fstatat(tree, path, &st, AT_SYMLINK_NOFOLLOW) == 0);
    mode_t type = st.st_mode & S_IFMT;
    CHECK(letter == 'h' || type == (letter == 'f'   ? S_IFREG
                                    : letter == 'd' ? S_IFDIR
                                    : letter == 's' ? S_IFLNK
                                                    : S_IFIFO));
}

static int apply(int archive, int tree, char letter, char *path)
{
    struct err err = {0};
    char end[2 * TAR_BLOCK] = {0}, whole[sizeof(place) + 8];
    snprintf(whole, sizeof(whole), "%s/tree", place);
    CHECK(write(archive, end, sizeof(end)) == sizeof(end));
    int rc = layer_apply(archive, tree, &err);
    CHECK((rc < 0) == (err.text[0] != 0));
    CHECK(same("outside", &folder_before) && same("outside/f", &file_before));
    CHECK(nftw(whole, check_name, 16, FTW_PHYS) == 0);
    if (rc == 0 && letter)
        check_last(tree, letter, path);
    return rc;
}

static void apply_all(char *text, int tree)
{
    char letter = 0, path[128] = "", *line;
    int archive = memfd_create("layer", MFD_CLOEXEC), layers = 0, members = 0;
    while (layers < LAYERS && (line = strsep(&text, "\n"))) {
        char kind = *line, *name = kind && line[1] == ' ' ? line + 2 : NULL;
        if (kind == '-') {
            layers++;
            if (apply(archive, tree, letter, path) < 0)
                break;
            close(archive);
            archive = memfd_create("layer", MFD_CLOEXEC);
            letter = 0;
        } else if (name && strchr("fdshp", kind) && members++ < MEMBERS) {
            char *target = strchr(name, ' ');
            if (target)
                *target++ = '\0';
            if (strlen(name) >= 100 || (kind == 's' && (!target || !*target)))
                continue; /* no header holds it, or symlink(2) refuses it */
            put_member(archive, kind, name, target ? target : "");
            letter = kind;
            snprintf(path, sizeof(path), "%s", name);
        }
    }
    if (!line)
        apply(archive, tree, letter, path);
    close(archive);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_free char *text = strndup((const char *)data, size);
    if (here < 0) {
        CHECK(mkdtemp(place) && atexit(leave_nothing) == 0);
        CHECK((here = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0);
        make_outside();
    }
    int tree = openat(here, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(tree >= 0);
    apply_all(text, tree);
    close(tree);
    CHECK(layer_remove(here, "tree") == 0 && mkdirat(here, "tree", 0755) == 0);
    return 0;
}
