#include "entry/host/failure.h"

#include "common/array.h"
#include "common/io.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

/* Exit statuses of Firecracker (1.12, enum FcExitCode in src/vmm/src/lib.rs) and signals that end it or the jailer
 * (minus their number). */
static const struct {
    int how;
    const char *meaning, *advice;
} ends[] = {
    {148, "its seccomp filter stopped a system call",
     "use Firecracker's official release; if it is, report this to Firecracker"},
    {149, "SIGBUS: the host could not supply memory or a disk's data",
     "free memory on the host and space in VM_SCRATCH_DIR"},
    {150, "SIGSEGV", "report this to Firecracker"},
    {151, "SIGXFSZ: a file exceeded its size limit", "raise the fsize limit: docker run --ulimit fsize=-1"},
    {152, "it does not accept the log level", "VM_FIRECRACKER_BIN must be Firecracker 1.12 or newer"},
    {153, "it does not accept its arguments", "VM_FIRECRACKER_BIN must be Firecracker 1.12 or newer"},
    {154, "SIGXCPU: it used up its CPU time", "raise the cpu limit: docker run --ulimit cpu=-1"},
    {155, "SIGPIPE", "report this to Firecracker"},
    {156, "SIGHUP", "another process sent it that signal"},
    {157, "SIGILL: this CPU lacks an instruction", "VM_FIRECRACKER_BIN must be for this machine"},
    {-SIGKILL, "it was killed, as the kernel does when memory runs out",
     "raise the container's memory limit, or memory.max in VM_CGROUP, or lower MEM_SIZE_MIB"},
    {-SIGTERM, "SIGTERM", "another process sent it that signal; stop the VM with docker stop or ctr-jailer stop"},
    {-SIGXFSZ, "a file exceeded its size limit", "raise the fsize limit: docker run --ulimit fsize=-1"},
    {-SIGXCPU, "it used up its CPU time", "raise the cpu limit: docker run --ulimit cpu=-1"},
    {-SIGSYS, "a seccomp filter stopped a system call",
     "the container's seccomp profile must allow what the jailer and KVM need"},
};

/* What they say (1.12: JailerError in src/jailer/src/main.rs; the errors of src/vmm/src, which an API request's
 * fault_message strings together; their C library's texts of errors are not ours, so these go by number).  The first
 * row whose signs are all present counts. */
static const struct {
    const char *sign, *also, *advice;
} signs[] = {
    {"ctr-jailer/", "Failed to write to", "the kernel rejects this value of VM_CGROUP"},
    {"Cannot load kernel", NULL,
     "VM_KERNEL_IMAGE must be a complete, uncompressed kernel for this machine, and must fit into MEM_SIZE_MIB"},
    {"initrd", "memory configuration", "raise MEM_SIZE_MIB: VM_INITRD_IMAGE and its unpacked files must fit"},
    {"initrd", "initrd address", "raise MEM_SIZE_MIB: VM_INITRD_IMAGE and its unpacked files must fit"},
    {"(os error 12)", NULL, "lower MEM_SIZE_MIB, or raise what limits memory: ulimit -v, vm.overcommit_memory"},
    {"Cannot set the memory regions", NULL, "lower MEM_SIZE_MIB: KVM cannot give a guest that much"},
    {"KVM object", NULL, "check with: entry --check-kvm"},
    {"Failed to create VM", "(os error 16)", "another hypervisor uses this machine's virtualisation: stop it"},
    {"Failed to create VM", NULL, "check with: entry --check-kvm"},
    {"network-interfaces", "(os error 16)", "another process has opened TAP_DEVICE: end it, or choose another name"},
    {"network-interfaces", NULL, "TAP_DEVICE must stay the VM's own while it runs"},
    {"(os error 24)", NULL, "raise the nofile limit: docker run --ulimit nofile=65536"},
    {"(os error 28)", NULL, "the jail is in memory: free some memory"},
    {"via mknod", "(os error 1)", "the container needs the capability MKNOD"},
    {"Failed to change owner", "(os error 1)", "the container needs the capability CHOWN"},
    {"Failed to exec into Firecracker", "(os error 1)", "the container needs the capabilities SETUID and SETGID"},
    {"Failed to exec into Firecracker", "(os error 8)", "VM_FIRECRACKER_BIN must be for this machine"},
    {"Failed to exec into Firecracker", NULL, "VM_FIRECRACKER_BIN must be a static program, and the jail not noexec"},
    {"(os error 17)", NULL, "the jail's directory, below VM_JAIL_BASE, already has a file of that name: remove it"},
    {"(os error 13)", NULL, "a security module (SELinux, AppArmor) may deny it to the VM's user"},
};

void failure_hint(const char *message, struct err *err)
{
    for (size_t i = 0; i < COUNT(signs); i++)
        if (strstr(message, signs[i].sign) && (!signs[i].also || strstr(message, signs[i].also))) {
            err_hint(err, "%s", signs[i].advice);
            return;
        }
}

/* Copies a text's last line that says something, without what is in front of every line of Firecracker's log: time,
 * id and thread in brackets. */
static void last_words(const char *text, char *out, size_t size)
{
    /* the lines around a message, which say nothing themselves */
    static const char *const around[] = {"note: run with", "Firecracker exiting", "stack backtrace"};
    *out = '\0';
    for (const char *line = text; line && *line;) {
        size_t len = strcspn(line, "\r\n");
        const char *bracket = memmem(line, len, "] ", 2);
        const char *words = bracket && *line >= '0' && *line <= '9' ? bracket + 2 : line;
        bool telling = strspn(line, " ") < len;
        for (size_t i = 0; i < COUNT(around); i++)
            telling = telling && strncmp(words, around[i], strlen(around[i])) != 0;
        if (telling)
            snprintf(out, size, "%.*s", (int)(line + len - words), words);
        line += len + (line[len] != '\0');
    }
}

/* How the program ended, from the table, and its last message.  An end that is not in the table is explained by what
 * the program printed, such as a panic of the jailer. */
static void explain(int how, const char *said, const char *logged, struct err *err)
{
    char words[512];
    size_t row = 0;
    while (row < COUNT(ends) && ends[row].how != how)
        row++;
    /* A killed program has no time to say why, and its earlier log messages are about something else. */
    last_words(row < COUNT(ends) && how < 0 ? NULL : logged, words, sizeof(words));
    if (!words[0] && row == COUNT(ends))
        last_words(said, words, sizeof(words));
    const char *colon = words[0] ? ": " : "";
    if (row < COUNT(ends)) {
        err_set(err, "Firecracker ended with %s %d, %s%s%s", how < 0 ? "signal" : "status", how < 0 ? -how : how,
                ends[row].meaning, colon, words);
        err_hint(err, "%s", ends[row].advice);
        return;
    }
    const char *jailer = strstr(words, "Jailer error: ");
    if (jailer)
        err_set(err, "the jailer refuses: %s", jailer + strlen("Jailer error: "));
    else
        err_set(err, "the jailer or Firecracker ended with %s %d%s%s", how < 0 ? "signal" : "status",
                how < 0 ? -how : how, colon, words);
    failure_hint(words, err);
}

bool failure_explain(int report, const char *said, const char *logged, struct err *err)
{
    struct failure_report r[2] = {{0}}; /* a failed exec, then the exit that follows from it */
    ssize_t n = io_read_full(report, r, sizeof(r));
    bool told = n >= (ssize_t)sizeof(r[0]);
    if (told && !r[0].failed && r[0].status == 0)
        return false;
    *err = (struct err){0}; /* this says more */
    errno = r[0].failed;
    if (!told)
        err_set(err, "the jail's processes were killed");
    else if (r[0].failed)
        err_sys(err, "cannot run the jailer");
    else
        explain(WIFSIGNALED(r[0].status) ? -WTERMSIG(r[0].status) : WEXITSTATUS(r[0].status), said, logged, err);
    return true;
}
