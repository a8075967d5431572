/* The settings that entry sends to the guest's init in PROTO_SETTINGS (common/proto.h), with the command and its
 * environment: NAME=value strings, each followed by a NUL.  Values are bytes.  A missing setting means that the feature
 * is off. */
#ifndef CTR_SETTINGS_H
#define CTR_SETTINGS_H

#define VOLUME_FILE "file"

#define SETTING_ARGUMENT "argument" /* of the command, its name first; any number of them, in order */
#define SETTING_VARIABLE "variable" /* of its environment, NAME=value; any number of them */

#define SETTING_ROOTFS "rootfs"           /* of /dev/vda: ext4, or erofs, on top of which /dev/vdc has the writes */
#define SETTING_READONLY "readonly"       /* is there: the root is mounted read-only */
#define SETTING_DATA_MOUNT "data_mount"   /* where /dev/vdb is mounted */
#define SETTING_VOLUME "volume"           /* DEVICE:PATH, any number of them: an EROFS disk and where it is mounted */
#define SETTING_VOLUME_FILE "file_volume" /* the same of a disk that has one file, VOLUME_FILE */
#define SETTING_VOLUME_KEPT "kept_volume" /* the same of an ext4 that the guest writes to */
/* KEY:KIND:PATH, any number of them: a share (PROTO_SHARE), where it is mounted, and the share's kind */
#define SETTING_SHARE "share"
#define SHARE_KIND_FOLDER "rw"
#define SHARE_KIND_FILE "rw-file"
#define SHARE_KIND_SUID_FOLDER "rw-suid" /* set-user-id programs are what they are elsewhere */
#define SHARE_KIND_SUID_FILE "rw-suid-file"
#define SHARE_KIND_RO_FOLDER "ro"
#define SHARE_KIND_RO_FILE "ro-file"
#define SETTING_HOSTNAME "hostname"     /* the guest's */
#define SETTING_DOMAINNAME "domainname" /* what --domainname sets; not there: none */
#define SETTING_ADDRESS "address"       /* of eth0: 10.1.2.2/30 */
#define SETTING_GATEWAY "gateway"       /* 10.1.2.1 */
#define SETTING_ADDRESS6 "address6"     /* of eth0 too: fd00::2/64 */
#define SETTING_GATEWAY6 "gateway6"
/* Both gateways': 06:00:0a:01:02:01.  Nothing on the link answers ARP. */
#define SETTING_GATEWAY_MAC "gateway_mac"
/* Of a guest that has taken over its container's interfaces, any number of each, and none of the above then: a card's
 * name, MAC address and MTU in bytes (eth0 02:42:ac:11:00:02 1500), and a name followed by an address or a route, as
 * `ip address add` and `ip route add` take them (eth0 172.17.0.2/16 broadcast 172.17.255.255). */
#define SETTING_CARD "card"
#define SETTING_CARD_ADDRESS "card_address"
#define SETTING_CARD_ROUTE "card_route"
/* The same of a neighbour that stays, ADDRESS MAC (eth0 169.254.32.1 06:00:0a:01:02:01): the DNS relay, which answers
 * no ARP. */
#define SETTING_CARD_NEIGHBOUR "card_neighbour"
#define SETTING_MTU "mtu"                         /* bytes */
#define SETTING_RESOLV "resolv"                   /* text of /etc/resolv.conf */
#define SETTING_HOSTS "hosts"                     /* lines of /etc/hosts, except those that every machine has */
#define SETTING_USER "user"                       /* the command's user: name or id[:group] */
#define SETTING_WORKDIR "workdir"                 /* where it starts */
#define SETTING_WORKDIR_DEFAULT "workdir_default" /* the directory where it starts if that exists, else / */
#define SETTING_INIT "init"                       /* the command is PID 1, as this init system: systemd */
#define SETTING_TTY "tty"                         /* ROWSxCOLUMNS: it gets a terminal */
#define SETTING_SYSCTL "sysctl"                   /* NAME=value of VM_SYSCTLS, any number of them: they must succeed */
#define SETTING_SEEN_SYSCTL "seen_sysctl"         /* the same of the container, with slashes; they need not */
#define SETTING_LIMIT "limit"                     /* NAME=SOFT:HARD, any number of them (limits.h) */
#define SETTING_SHM "shm"                         /* bytes of /dev/shm */

/* The command's default PATH, the same as Docker's. */
#define COMMAND_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* In the root disk's image, an attribute of its root: the files that the guest's init copies (guest-init/sparse.h), as
 * paths from the root, each with its NUL. */
#define ROOTDISK_SPARSE "trusted.ctr-jailer.sparse"

#endif
