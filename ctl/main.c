/* ctr-jailer [--id ID] COMMAND ...: asks a running VM's entry, or works on the host's store. */
#include "common/begin.h"
#include "common/descriptors.h"
#include "common/exitcode.h"
#include "common/log.h"
#include "ctl/commands.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void usage(FILE *out)
{
    fputs("Usage: ctr-jailer [--id ID] COMMAND ...\n\n"
          "Controls the VM of this container; if several run here, --id chooses one.  kernel and image need no "
          "VM.\n\n",
          out);
    size_t count;
    const struct command *commands = commands_all(&count);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "  %s\n      %s\n", commands[i].usage, commands[i].help);
}

int main(int argc, char **argv)
{
    const char *id = NULL;
    struct err err = {0};
    log_init("ctr-jailer");
    descriptors_standard();
    int standard[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
    descriptors_keep(standard, 3); /* what its caller forgot to close is nobody's here */
    if (begin(&err) < 0) {
        log_error("%s", err.text);
        return EXIT_OURS;
    }
    argv++;
    if (argc > 2 && strcmp(*argv, "--id") == 0) {
        id = argv[1];
        argv += 2;
    }
    if (*argv && strcmp(*argv, "--version") == 0) {
        puts("ctr-jailer " CTR_VERSION);
        return 0;
    }
    if (*argv && strcmp(*argv, "--help") == 0) {
        usage(stdout);
        return 0;
    }
    if (!*argv) {
        usage(stderr);
        return EXIT_OURS;
    }
    const struct command *command = commands_find(*argv), *meant = command ? NULL : commands_meant(*argv);
    if (!command && meant)
        log_error("unknown command %s: did you mean %s?", *argv, meant->name);
    else if (!command)
        log_error("unknown command %s (ctr-jailer --help lists them)", *argv);
    if (!command)
        return EXIT_OURS;
    if (argv[1] && strcmp(argv[1], "--help") == 0) {
        printf("Usage: ctr-jailer [--id ID] %s\n\n%c%s.\n", command->usage, toupper(command->help[0]),
               command->help + 1);
        return 0;
    }
    int code = command->run(id, argv, &err);
    if (code < 0)
        log_error("%s", err.text);
    return code < 0 ? EXIT_OURS : code;
}
