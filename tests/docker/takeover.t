#!/bin/bash
# VM_NETWORK=takeover with a real Docker engine, on a user-defined network of both families: the VM `one` by docker run,
# the VM `two` by Compose with the least privileges, and the container `plain`.  Their image is some folders
# and links; programs come from this host's /usr and from the disk of the end-to-end suites, so nothing is built here.
#: engine
#: kvm
#: disk build/e2e.disk
#: timeout 900
set -euo pipefail
. tests/e2e/vm.sh
. tests/docker/engine.sh
work=$(mktemp -d /tmp/e2e.XXXXXX)
undo() {
    docker ps -aq | xargs -r docker rm -f
    docker network rm net later
    stop_engine
    ip netns del outside
    umount "$work/data"
    rm -rf "$work"
} >/dev/null 2>&1
trap undo EXIT

# The outside: another host, which knows this one only.
ip netns add outside
ip link add out0 type veth peer name eth0 netns outside
ip addr add 198.51.100.1/30 dev out0
ip addr add 2001:db8::1/64 dev out0 nodad
ip link set out0 addrgenmode none up
ip -n outside addr add 198.51.100.2/30 dev eth0
ip -n outside addr add 2001:db8::2/64 dev eth0 nodad
ip -n outside link set eth0 addrgenmode none up
ip route show default | grep -q . || ip route add default via 198.51.100.2

# What the VMs and plain do: serve one line, each its own.  ask NAME[:PORT]...: those of others, over IPv4 and over IPv6.
mkdir "$work/data" "$work/root" "$work/tools"
mount -t tmpfs data "$work/data"
cp "$(type -P busybox)" "$work/tools"
cat >"$work/tools/serve" <<'SERVE'
mkdir -p /srv/www && echo "$1" >/srv/www/line
exec /tools/busybox httpd -f -p '[::]:80' -h /srv/www
SERVE
cat >"$work/tools/ask" <<'ASK'
for name; do
    for family in 4 6; do
        read -r address _ < <(getent ahostsv$family "${name%,*}")
        [[ $address != ::ffff:* ]] || address=no-IPv6
        { exec 3<>"/dev/tcp/${address:-no-$name}/${name#*,}" && printf 'GET /line HTTP/1.0\r\n\r\n' >&3 && timeout 10 tail -n 1 <&3; } 2>/dev/null ||
            echo "nothing ($name, $address)"
    done
done | xargs
ASK
(cd "$work/root" && mkdir -p usr etc dev proc run srv sys tmp vm tools var/tmp jail/data && ln -s usr/{bin,sbin,lib,lib64} .)
check 'the engine starts' start_engine "$work/data" --experimental --ip6tables
tar -C "$work/root" -cf "$work/root.tar" .
check 'an image' docker import "$work/root.tar" vm
host_net() { # links but for their carriers' state, addresses but for a bridge's own, rules
    ip -o link | sed 's/^[0-9]*: //; s/NO-CARRIER,//; s/,LOWER_UP//; s/ state [A-Z]* / /; s/@if[0-9]*//'
    ip -o addr | grep -v fe80 | sed 's/^[0-9]*: //; s/ tentative//'
    { iptables-save; ip6tables-save; } | grep '^-A'
}
check 'a network of both families' docker network create --ipv6 --subnet 10.90.0.0/24 --subnet fd90::/64 net
docker network create later >/dev/null
before=$(host_net)

mounts=(-v /usr:/usr:ro -v "$TREES:/vm:ro" -v "$work/tools:/tools:ro" --tmpfs /run --tmpfs /tmp --tmpfs /srv --tmpfs /var/tmp)
settings=("${VM_ENV[@]//$TREES//vm}" VM_LOG_LEVEL=warn VM_NETWORK=takeover VM_ROOTFS_DIR=/vm/rootfs-debian VM_VOLUMES=/tools:/tools:ro)
check 'docker run --ip --ip6 --mac-address --network-alias -p' docker run -d --name one --privileged "${mounts[@]}" \
    "${settings[@]/#/--env=}" --network net --ip 10.90.0.77 --ip6 fd90::77 --mac-address 02:42:0a:5a:00:99 \
    --network-alias web -p 8080:80 vm /vm/bin/entry /bin/bash /tools/serve one
yaml() { printf '\n      - "%s"' "$@"; }
least() { # OPTION: its values in docs/security.md's line of least privilege
    mapfile -t WORDS < <(sed -n '/^docker run --rm -it --read-only/,/my-image/p' docs/security.md | grep -oP -e "--$1 \K[^ ]+")
    yaml "${WORDS[@]}"
}
cat >"$work/compose.yml" <<COMPOSE
version: "2.4"
networks: {net: {external: true}}
services:
  two:
    image: vm
    command: [/vm/bin/entry, /bin/bash, /tools/serve, two]
    read_only: true
    cap_drop: [ALL]
    cap_add: $(least cap-add)
    devices: $(least device)
    security_opt: $(least security-opt)
    tmpfs: [/run, /tmp, /srv, /var/tmp]
    volumes: [/usr:/usr:ro, $TREES:/vm:ro, $work/tools:/tools:ro]
    environment: $(yaml "${settings[@]}")
    networks: {net: {aliases: [db]}}
    ports: ["8081:80"]
  plain:
    image: vm
    command: [/bin/bash, /tools/serve, plain]
    volumes: [/usr:/usr:ro, $work/tools:/tools:ro]
    networks: {net: {}}
COMPOSE
export COMPOSE_HTTP_TIMEOUT=600 # Compose gives its engine 60 s for a start: too few here, with three at once
compose() { docker-compose -p vms -f "$work/compose.yml" "$@"; }
check 'docker-compose up' compose up -d
two=$(compose ps -q two) plain=$(compose ps -q plain)
in_one() { docker exec one /vm/bin/ctr-jailer exec -- "$@"; }
in_two() { docker exec "$two" /vm/bin/ctr-jailer exec -- "$@"; }
in_plain() { docker exec "$plain" "$@"; }
both_serve() { [ "$(in_plain bash /tools/ask one,80 two,80)" = 'one one two two' ]; }
check 'plain reaches both VMs by name, over both families' wait_until 200 both_serve
is 'by alias, service name and name of the container' "$(in_plain bash /tools/ask web,80 db,80 "vms_two_1,80")" 'one one two two two two'
is 'the VM one reaches the others by name' "$(in_one bash /tools/ask two,80 plain,80 db,80)" 'two two plain plain two two'
is 'the VM two does' "$(in_two bash /tools/ask one,80 plain,80 web,80)" 'one one plain plain one one'
is "--ip, --ip6 and --mac-address are the guest's" \
    "$(in_one sh -c 'cat /sys/class/net/eth0/address; hostname -I' | xargs -n 1 | grep -v ^169.254 | sort | xargs)" '02:42:0a:5a:00:99 10.90.0.77 fd90::77'
is 'a name of an address' "$(in_one getent hosts "$(docker inspect -f '{{.NetworkSettings.Networks.net.IPAddress}}' "$plain")" | awk '{print $2}')" \
    vms_plain_1.net
is 'docker exec in the container itself reaches them' "$(docker exec one bash /tools/ask two,80 plain,80)" 'two two plain plain'
is 'and so does a container in its network' "$(docker run --rm -v /usr:/usr:ro -v "$work/tools:/tools:ro" --network container:one vm \
    bash /tools/ask plain,80 two,80)" 'plain plain two two'

# shellcheck disable=SC2016 # for the bash inside
ask_at() { # ADDRESS PORT LINE, in the namespace that the words after it enter
    [ "$(timeout 20 "${@:4}" bash -c '
        exec 3<>"/dev/tcp/$0/$1" && printf "GET /line HTTP/1.0\r\n\r\n" >&3 && tail -n 1 <&3' "$1" "$2" 2>/dev/null)" = "$3" ]
}
for address in 198.51.100.1 2001:db8::1; do
    check "-p: from another host, $address" ask_at $address 8080 one ip netns exec outside
    check "Compose's ports: from another host, $address" ask_at $address 8081 two ip netns exec outside
done
for address in 127.0.0.1 ::1; do
    check "-p: from this host, $address" ask_at $address 8080 one
done

# What the engine changes meanwhile is told, and the next start has it: the same address, with another MAC address.
told() { docker logs one 2>&1 | grep -q "$1.* container is restarted"; }
docker network connect later one
check 'docker network connect: one line of the log' wait_until 30 told 'has a new network interface, eth1:'
docker network disconnect net one
check 'docker network disconnect: one line' wait_until 30 told 'interface eth0 is gone:'
docker network connect --ip 10.90.0.77 --ip6 fd90::77 --alias web net one
docker restart -t 30 one >/dev/null
check 'docker restart: plain reaches the new VM by name, over both families' wait_until 120 both_serve
is 'the guest has both networks' "$(in_one sh -c 'cat /proc/net/route' | awk '{print $2}' | sort -u | grep -cE '^00005A0A|^000012AC')" 2
check '-p: over IPv4' ask_at 198.51.100.1 8080 one ip netns exec outside
check '-p: over IPv6' ask_at 2001:db8::1 8080 one ip netns exec outside

compose down -t 30 2>/dev/null
docker stop -t 30 one >/dev/null
is 'docker stop' "$(docker inspect -f '{{.State.ExitCode}}' one)" 143
docker rm one >/dev/null
is 'and the host is as before' "$(host_net)" "$before"
done_testing
