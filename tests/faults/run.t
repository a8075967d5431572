#!/bin/bash
# ctr-jailer run: what an image's configuration, flags and variables become, as entry's plan has it; and a start from the
# store.  Entry, jailer and Firecracker are the real ones; the kernel is a few bytes that end the VM.
#: timeout 120
set -euo pipefail
. tests/faults/host.bash
store_host
mkdir -p "$work/tree/srv" "$work/tree/etc"
build/bin/rootdisk write "$work/tree" "$work/image"
cp build/faults/vmlinux "$work/vmlinux"
cd "$work"
arch=$(dpkg --print-architecture)
jq -n --arg arch "$arch" '{os: "linux", architecture: $arch, config: {
    Env: ["PATH=/from/image", "A=b c", "VM_ID=of-the-image", "HOME=/srv", "EMPTY="], User: "1:2", WorkingDir: "/srv", StopSignal: "SIGQUIT",
    Entrypoint: ["/guest-static", "argv"], Cmd: ["x y", ""], Healthcheck: {Test: ["CMD-SHELL", "true"]}}}' >config.json
jq 'del(.config)' config.json >bare.json
export HOST_SECRET=not-for-the-guest
run+=(VM_NETWORK=none)
bin/ctr-jailer image add image org/app:1.0 config.json >/dev/null
bin/ctr-jailer image add image plain bare.json >/dev/null
bin/ctr-jailer image add image none >/dev/null
bin/ctr-jailer kernel add vmlinux vmlinux-v5.8 >/dev/null

plan() { "${run[@]}" ctr-jailer run --dry-run --kernel vmlinux-v5.8 "$@"; }
of() { # FILTER ARGUMENTS...
    local filter=$1
    shift
    plan "$@" | jq -cS "$filter"
}
is "the image's environment, and nothing of the host's" "$(of '.environment | sort' org/app:1.0)" \
    '["A=b c","EMPTY=","HOME=/srv","PATH=/from/image","VM_ID=of-the-image"]'
is "its command" "$(of .command org/app:1.0)" '["/guest-static","argv","x y",""]'
is "its user, directory, signal and health check" "$(of '[.guest_user, .guest_workdir, .stop_signal, .healthcheck]' org/app:1.0)" '["1:2","/srv",3,"true"]'
jq '.config.Healthcheck.Test = ["CMD", "/bin/check", "a b", "it'"'"'s", ""]' config.json >health.json
bin/ctr-jailer image add image health health.json >/dev/null
is "a health check's exec form" "$(of .healthcheck health)" "$(jq -n --arg text "exec '/bin/check' 'a b' 'it'\\''s' ''" '$text')"
is "its file and the kernel's" "$(of '[.drives.rootfs_dir, .drives.rootfs_sealed, .kernel_image]' org/app:1.0)" \
    "[\"$(bin/ctr-jailer image path org/app:1.0)\",true,\"$(bin/ctr-jailer kernel path vmlinux-v5.8)\"]"
is "arguments take the place of Cmd" "$(of .command org/app:1.0 -x --name y)" '["/guest-static","argv","-x","--name","y"]'
is "also behind --" "$(of .command org/app:1.0 -- -x)" '["/guest-static","argv","-x"]'
is "an entrypoint takes that of both" "$(of .command --entrypoint /guest-static org/app:1.0)" '["/guest-static"]'
is "or has arguments" "$(of .command --entrypoint /guest-static org/app:1.0 env)" '["/guest-static","env"]'
is "an empty one leaves the arguments" "$(of .command --entrypoint= org/app:1.0 /guest-static env)" '["/guest-static","env"]'
is "-e wins over the image, and the last over the first" "$(of '.environment | sort' -e A=1 -e N=$'x\ny' --env=A=2 -e HOST_SECRET -e NOT_SET -e VM_USER=x -e PATH=/p org/app:1.0)" \
    '["A=2","EMPTY=","HOME=/srv","HOST_SECRET=not-for-the-guest","N=x\ny","PATH=/p","VM_ID=of-the-image","VM_USER=x"]'
is "flags win over the image" "$(of '[.id, .guest_user, .guest_workdir, .mem_size_mib, .vcpu_count, .stop_signal]' \
    --name one -u 5:6 -w /etc -m 2g --cpus 2 --stop-signal HUP org/app:1.0)" '["one","5:6","/etc",2048,2,1]'
is "firebuild's, too" "$(of '[.id, .mem_size_mib, .vcpu_count, .command]' --name=postgres1 --from=org/app:1.0 --vmlinux-id=vmlinux-v5.8 --mem=512 --cpu=1 -- -x)" \
    '["postgres1",512,1,["/guest-static","argv","-x"]]'
is "--id before run is a name" "$("${run[@]}" ctr-jailer --id two run --dry-run --kernel vmlinux-v5.8 org/app:1.0 | jq -r .id)" two
run+=(VM_USER=9 VM_WORKDIR=/etc)
is "variables win over the image" "$(of '[.guest_user, .guest_workdir]' org/app:1.0)" '["9","/etc"]'
is "and flags over variables" "$(of '[.guest_user, .mem_size_mib]' -u 7 --memory=96m org/app:1.0)" '["7",96]'
unset 'run[-1]' 'run[-1]'
is "an image that says nothing: root, /, docker's PATH" "$(of '[.guest_user, .guest_workdir, .environment, .command]' plain /guest-static)" \
    '[null,"/",["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],["/guest-static"]]'
is "one without a configuration: the same" "$(of . none /guest-static | jq 'del(.id, .jail)')" "$(of . plain /guest-static | jq 'del(.id, .jail)')"
printf '%s\r\n' '# a comment' '' '  F=1 2' 'A=of the file' 'HOST_SECRET' 'NOT_SET' 'Q="x"' >env-file
printf 'A=of the second' >env-file2
is "files of variables come before -e, in their order" "$(of '.environment | sort' --env-file env-file --env-file=env-file2 -e F=3 org/app:1.0)" \
    '["A=of the second","EMPTY=","F=3","HOME=/srv","HOST_SECRET=not-for-the-guest","PATH=/from/image","Q=\"x\"","VM_ID=of-the-image"]'
is "letters may share a dash, and a value may follow" "$(of '[.guest_user, .mem_size_mib, .id]' -im96m -u5 --name=x org/app:1.0)" '["5",96,"x"]'
mkdir a b
is "volumes are joined" "$(of '.drives.volumes | length' -v "$work/a:/etc:ro" -v "$work/b:/srv:ro" org/app:1.0)" 2
run+=(VM_NETWORK=nat)
is "ports are joined" "$(of '.network.ports | length' -p 8080:80 --port=53:53/udp org/app:1.0)" 2
unset 'run[-1]'

refused() { # NAME MESSAGE ARGUMENTS...
    local name=$1 message=$2
    shift 2
    capture timeout 60 "${run[@]}" ctr-jailer run "$@"
    like "refused: $name" "$STATUS/$STDOUT/$STDERR" "125//ctr-jailer: $message"
}
refused "no image" "run: the image is missing *"
refused "an image that is not there" "other:latest: is not in the store /var/lib/ctr-jailer" other
refused "a kernel that is not there" "other: is not in the store /var/lib/ctr-jailer" --kernel other plain
refused "a store that is not there" "cannot open the store $work/none: *" --root "$work/none" plain
refused "an unknown option" "run: unknown option --nmae (*" --nmae=x plain
refused "an option without its value" "run: --name: the value is missing" --name
refused "a value that is too much" "run: unknown option --rm (*" --rm=yes plain
refused "a size without a unit" "run: --memory 512: is not a size such as 512m or 2g" -m 512 plain
refused "a variable without a name" "run: -e =x: is not NAME=VALUE" -e =x plain
refused "letters of which one is unknown" "run: unknown option -iz (*" -iz plain
refused "a letter without its value" "run: -m: the value is missing" -m
printf 'A=1\nB C=2\n' >env-bad
refused "a file of variables with another line" "run: --env-file env-bad: line 2: is not NAME=VALUE" --env-file env-bad plain
refused "a file of variables that is not there" "run: --env-file none: cannot read it: No such file or directory" --env-file none plain
mkfifo fifo
refused "a FIFO of variables" "run: --env-file fifo: cannot read it: it is not a regular file" --env-file fifo plain
refused "an endless file of variables" "run: --env-file /dev/zero: cannot read it: it is not a regular file" --env-file /dev/zero plain
refused "a hostname that is none" "run: --hostname a_b: is not a hostname: *" --hostname a_b plain /guest-static
refused "an image without a command" "run: plain: the image has no command of its own: give one" plain
refused "an id that is not one" "VM_ID=a b: *" --name "a b" plain /guest-static

capture "${run[@]}" ctr-jailer run --rm --kernel vmlinux-v5.8 org/app:1.0
is "a VM starts, as far as the kernel" "$STATUS $STDERR" "125 ctr-jailer: the VM ended before the command did; its console says: (nothing)"
is "nothing of it is left" "$(find jails scratch -mindepth 1)" ""
for words in "" "a b" "--shutdown-timeout x a" "--vmm-id= " "--vmm-id a --what"; do
    # shellcheck disable=SC2086 # words
    capture bin/ctr-jailer kill $words
    is "kill ${words:-without an id}: refused" "$STATUS $STDERR" "125 ctr-jailer: kill: usage: kill [--vmm-id] ID [--shutdown-timeout SECONDS]"
done
done_testing
