#include "ctl/commands.h"

#include "common/edits.h"
#include "ctl/ctl.h"

#include <string.h>

enum { NEAR = 2 }; /* letters; two that have changed places are two */

static const struct command commands[] = {
    {"exec", ctl_exec, "exec [-i] [-t] [-u USER] [-w DIR] [-e NAME=VALUE]... [--busybox] [--] COMMAND [ARGUMENT...]",
     "runs a command in the guest; its exit code is the command's"},
    {"cp", ctl_cp, "cp [-a] PATH :PATH | cp [-a] :PATH PATH",
     "copies files into the guest (:PATH) or out of it, as docker cp does; - is a tar stream.  Files that "
     "come out of the guest belong to whoever copies them and lose set-user-id bits and capabilities, and devices are "
     "skipped; -a, --archive: keeps all of these"},
    {"status", ctl_status, "status [--json | --healthy | --metrics]",
     "shows the VM's state; --healthy: exit 0 if its command runs and VM_HEALTHCHECK_CMD, if given, succeeds; "
     "--metrics: "
     "Prometheus' text format"},
    {"logs", ctl_logs, "logs [-f] [--tail N] [-t] [--console] [--vmm] [--raw] [--root DIR | --profile NAME] [ID]",
     "prints what the command of a VM in the background (run -d) has written, -f: and goes on until its end, -t: with "
     "times.  Of other VMs, or with --console, it prints the guest's console: kernel and panic text; --vmm: "
     "Firecracker's own log.  On a terminal control characters are printed as \\xNN, unless with --raw; a file or pipe "
     "gets them as they are"},
    {"pause", ctl_pause, "pause", "stops the VM's processors until unpause; exec is refused meanwhile"},
    {"unpause", ctl_unpause, "unpause", "resumes a paused VM"},
    {"stop", ctl_stop, "stop [-t SECONDS] [ID]",
     "stops the VM, even a paused one, as SIGTERM would, and waits until it has ended"},
    {"run", ctl_run_image,
     "run [-d] [--rm] [-i] [-t] [-e NAME=VALUE]... [--env-file FILE]... [-p [ADDRESS:]PORT:PORT]... [-v VOLUMES]... "
     "[-u USER] [-w DIR] [-m SIZE] [--cpus N] [--name ID] [--hostname NAME] [--entrypoint PROGRAM] "
     "[--stop-signal SIGNAL] [--cni-network-name NETWORK] [--kernel ID] [--binary-firecracker FILE] "
     "[--binary-jailer FILE] [--chroot-base DIR] [--cpu-template NAME] [--kernel-args TEXT] [--profile NAME] "
     "[--profile-conf-dir DIR] [--run-cache DIR] [--root DIR] [--dry-run] IMAGE [--] "
     "[ARGUMENT...]",
     "runs an image of the host's store in a VM, with its environment, user, command and so on, as docker run does; "
     "entry's options come from the environment, and flags win over them; a profile (profile-create) says the rest; "
     "-d: in the background, prints the id; --rm: "
     "nothing of such a VM stays when it has ended; -i: the command reads stdin, which may be a terminal; --dry-run: "
     "prints the plan, and on stderr where each value comes from; --from IMAGE, --vmlinux-id ID, --mem MIB, --cpu N, "
     "--port and --daemonize are known, too"},
    {"rm", ctl_rm, "rm [-f] [--root DIR | --profile NAME] ID...",
     "removes what is kept of VMs in the background that have ended: name, log, exit code; -f: ends them first"},
    {"purge", ctl_purge,
     "purge [--root DIR | --profile NAME] [--cni-cache-dir DIR] [--cni-bin-dir DIR] [--cni-conf-dir DIR]",
     "removes what dead VMs have left, also after a kill or a reboot: records of VMs in the background, whose names it "
     "prints, directories, cgroups, disks and networks; VMs that run lose nothing"},
    {"inspect", ctl_inspect, "inspect [--show-env] [--root DIR | --profile NAME] [--vmm-id] ID",
     "prints a VM as JSON: address, process, image and its names, as firebuild names them, and all of its state.json; "
     "of one in the background, also what it was started with.  The values of its variables are null, unless with "
     "--show-env"},
    {"kill", ctl_kill, "kill [--root DIR | --profile NAME] [--vmm-id] ID [--shutdown-timeout SECONDS]",
     "stops a VM as stop does, and kills its command after 15 seconds, or after SECONDS"},
    {"wrap", ctl_wrap, "wrap [STAGE]",
     "reads what docker inspect IMAGE prints, and prints a Dockerfile that makes a microVM of that image, or of STAGE "
     "of "
     "a Dockerfile, with its environment, user, command and so on"},
    {"ls", ctl_ls, "ls [-a] [-q] [--json] [--format TEXT] [--filter KEY=TEXT]... [--root DIR | --profile NAME]",
     "lists the VMs that run here, also in containers: id, entry's process, start (UTC), network, address, image, "
     "status, and host or container, with tabs between them and - for none; -a: also those in the background that have "
     "ended; -q: ids; --filter: those in whose id, status, image, place, network or address the text is; --json: an "
     "array of what state.json says of each, and the rest; --format: a line of TEXT each, in which {{.ID}}, {{.Pid}}, "
     "{{.Started}}, {{.Network}}, {{.Address}}, {{.Image}}, {{.Status}} and {{.Place}} are its columns"},
    {"ps", ctl_ls, "ps [-a] [-q] [--json] [--format TEXT] [--filter KEY=TEXT]... [--root DIR | --profile NAME]",
     "is the same as ls"},
    {"profile-create", ctl_profile_create,
     "profile-create --profile NAME [--binary-firecracker FILE] [--binary-jailer FILE] [--chroot-base DIR] "
     "[--run-cache DIR] [--storage-provider directory] "
     "[--storage-provider-property-string rootfs-storage-root=DIR | kernel-storage-root=DIR]... [--tracing-enable] "
     "[--tracing-collector-host-port HOST:PORT] [--tracing-log-enable] [--overwrite] [--profile-conf-dir DIR]",
     "keeps settings of run under a name, in /etc/ctr-jailer/profiles or DIR: with --profile NAME they hold where "
     "neither a flag nor a variable says otherwise; --overwrite: also if there is such a profile already"},
    {"profile-ls", ctl_profile_ls, "profile-ls [--profile-conf-dir DIR]", "lists the names of the profiles"},
    {"profile-inspect", ctl_profile_inspect, "profile-inspect [--profile] NAME [--profile-conf-dir DIR]",
     "prints a profile as JSON"},
    {"profile-rm", ctl_profile_rm, "profile-rm [--profile] NAME [--profile-conf-dir DIR]", "removes a profile"},
    {"build", ctl_build,
     "build --isolation=host -t TAG [-f FILE] [--target STAGE] [--build-arg NAME=VALUE]... [--root DIR | --profile "
     "NAME] "
     "DIR | URL.git:/PATH/Dockerfile[#REF] | http://HOST/Dockerfile",
     "makes an image of the store from a Dockerfile, by buildah; what the store has under the name behind a FROM comes "
     "before registries.  --isolation=host: RUN steps run on this host, as root"},
    {"rootfs", ctl_build,
     "rootfs --isolation=host --tag TAG --dockerfile FILE | URL.git:/PATH/Dockerfile[#REF] [--dockerfile-stage STAGE] "
     "[--build-arg NAME=VALUE]... | --docker-image REFERENCE [--root DIR | --profile NAME]",
     "is build with firebuild's flags; --docker-image: pulls an image, as image pull does"},
    {"baseos", ctl_build,
     "baseos --isolation=host --dockerfile FILE [--tag TAG] [--build-arg NAME=VALUE]... [--root DIR | --profile NAME]",
     "makes a base from a Dockerfile with one FROM, whose name it gets if there is no --tag, so that later builds use "
     "it"},
    {"completion", ctl_completion, "completion bash | zsh | fish",
     "prints a script that completes the commands and their flags in that shell"},
    {"man", ctl_man, "man", "prints the manual page of ctr-jailer, for man -l"},
    {"kernel", ctl_kernel,
     "kernel [--root DIR | --profile NAME] add FILE ID | tag ID ID | path ID | rm ID | ls | verify | prune",
     "keeps guest kernels in the host's store, /var/lib/ctr-jailer or DIR; path: prints the file for VM_KERNEL_IMAGE; "
     "verify: ls, after reading each file and comparing it with its digest"},
    {"image", ctl_image,
     "image [--root DIR | --profile NAME] add FILE TAG [CONFIG] | import SOURCE TAG | pull REFERENCE [TAG] | tag TAG "
     "TAG | path TAG | "
     "inspect TAG | rm TAG | "
     "ls | verify | prune",
     "keeps root filesystems, sealed by rootdisk write, in the host's store; CONFIG: a file with what skopeo inspect "
     "--config or docker inspect prints of the image; import: unpacks a docker or OCI archive or an OCI layout; pull: "
     "one from a registry; path: "
     "prints the file for VM_ROOTFS_DIR; inspect: prints digest, "
     "size and configuration as JSON; a TAG is [HOST[:PORT]/]PATH[:VERSION]"},
};
enum { COMMANDS = sizeof(commands) / sizeof(*commands) };

const struct command *commands_all(size_t *count)
{
    *count = COMMANDS;
    return commands;
}

const struct command *commands_find(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(name, commands[i].name) == 0)
            return &commands[i];
    return NULL;
}

const struct command *commands_meant(const char *name)
{
    const struct command *meant = NULL;
    unsigned least = NEAR + 1;
    for (size_t i = 0; i < COMMANDS; i++) {
        unsigned far = edits(name, commands[i].name);
        if (far < least && far < strlen(commands[i].name)) {
            least = far;
            meant = &commands[i];
        }
    }
    return meant;
}
