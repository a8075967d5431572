/* walk FOLDER FILE SECONDS: opens FOLDER/FILE by single components, as no link may be followed, and reads it; and
 * writes beside it.  What is read is "inside", or cannot be opened: else it says so, and fails.  It takes seconds,
 * since a kernel believes for one what it has looked up: that few looks are made in truth, so it goes on until one has
 * found the file, for a minute. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE = 60 }; /* seconds */

int main(int argc, char **argv)
{
    int found = 0, not_there = 0, seconds = argc == 4 ? atoi(argv[3]) : 0;
    const time_t end = time(NULL) + seconds;
    for (time_t now; (now = time(NULL)) < end || (!found && now < end + PATIENCE);) {
        char text[16] = "";
        int folder = open(argv[1], O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int fd = folder < 0 ? -1 : openat(folder, argv[2], O_RDONLY | O_CLOEXEC);
        int made = folder < 0 ? -1 : openat(folder, "made", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 && strncmp(text, "inside", 6) != 0) {
            fprintf(stderr, "read %s\n", text);
            return 1;
        }
        *(fd >= 0 ? &found : &not_there) += 1;
        if (fd >= 0)
            close(fd);
        if (made >= 0)
            close(made);
        if (folder >= 0)
            close(folder);
    }
    printf("%d times there, %d times not", found, not_there);
    return found > 0 ? 0 : 1;
}
