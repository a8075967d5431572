#!/bin/bash
# The caller of CNI plugins (cni/caller), with real plugins: networks as administrators configure them, results, what is
# kept for DEL, and that nothing stays behind, whatever fails or is killed.
#
#   outside --- engine (br0 or a veth) --- pod (eth0)
#: timeout 200
# shellcheck source=tests/net/lib.bash
. "$(dirname "$0")/lib.bash"
CALLER=$PWD/build/net/cnicaller POD=/run/netns/$NS-pod
NETWORKS=$TMP/net.d CACHE=$TMP/cache PLUGINS=$TMP/plugins:/opt/cni/bin:/usr/lib/cni
mkdir "$NETWORKS" "$TMP/lib" "$TMP/plugins"
make_ns outside
make_ns engine
make_ns pod
ip -n "$NS-engine" link add up0 type veth peer name up0 netns "$NS-outside"
ip -n "$NS-engine" addr add 203.0.113.1/24 dev up0
ip -n "$NS-outside" addr add 203.0.113.2/24 dev up0
ip -n "$NS-engine" link set up0 up
ip -n "$NS-outside" link set up0 up

plugins() { # VERSION PLUGIN...: a network; each PLUGIN is JSON
    local IFS=,
    printf '{"cniVersion": "%s", "name": "net", "plugins": [%s]}' "$1" "${*:2}"
}
bridge='{"type": "bridge", "bridge": "br0", "isGateway": true, "ipMasq": true, "capabilities": {"ips": true}, "ipam": {"type": "host-local",
  "dataDir": "'$TMP/ipam'", "ranges": [[{"subnet": "192.0.2.0/24"}], [{"subnet": "fd88::/64"}]], "routes": [{"dst": "0.0.0.0/0"}]}}'
others='{"type": "tuning", "mac": "02:00:00:00:00:77"},{"type": "portmap", "capabilities": {"portMappings": true}},
  {"type": "bandwidth", "ingressRate": 80000000, "ingressBurst": 80000000}'
# What plugins keep in /var/lib is gone with the test.
call() { # add|check|del [ARGS [CAPABILITIES]]
    in_ns engine unshare -m sh -c 'mount --bind "$0" /var/lib && exec "$@"' "$TMP/lib" \
        "$CALLER" "$1" "$NETWORKS" "$PLUGINS" "$CACHE" "${NETWORK-net}" "${ID-vm-1}" "${AT-$POD}" eth0 "${@:2}" 2>"$TMP/err"
}
said() { cat "$TMP/err"; }
engine() { # all that plugins can leave: devices but the bridge, rules but empty chains, leases, results
    ip -n "$NS-engine" -o link show | grep -v ': br0:' | cut -d: -f 2
    (in_ns engine iptables-save; in_ns engine ip6tables-save) | grep ^-A | grep -Ev -- '-A (CNI-(HOSTPORT|FORWARD|ADMIN)[A-Z-]*|PREROUTING|OUTPUT|POSTROUTING|FORWARD) '
    find "$TMP/ipam" "$CACHE" -type f ! -name lock ! -name 'last_reserved*' 2>/dev/null
    ip -n "$NS-pod" -o link show | cut -d: -f 2
}
address() { ip -n "$NS-pod" -j -4 addr show dev eth0 | jq -r '.[0].addr_info[0].local'; }
empty=$(engine)
serve pod tcp 0.0.0.0 80 pod

for kind in "bridge 0.3.1" "bridge 0.4.0" "bridge 1.0.0" "ptp 1.0.0"; do
    read -r type version <<<"$kind"
    first=${bridge/\"bridge\"/\"$type\"}
    firewall='{"type": "firewall"}'
    [ "$version" != 0.3.1 ] || firewall='{"type": "tuning"}' # too old for it
    plugins "$version" "$first" "$firewall" "$others" '{"type": "tc-redirect-tap"}' >"$NETWORKS/10-net.conflist"
    call add '' '{"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}' >"$TMP/result"
    result $? "$kind: ADD by bridge or ptp, tuning, firewall, portmap and bandwidth"
    said
    is "$kind: the result is the last plugin's" "$version $(address)/24" "$(jq -r '.cniVersion, .ips[0].address' "$TMP/result" | xargs)"
    is "$kind: the plugins had the one before's: tuning changed the MAC address" 02:00:00:00:00:77 \
        "$(ip -n "$NS-pod" -j link show dev eth0 | jq -r '.[0].address')"
    is "$kind: nothing of tc-redirect-tap" "" "$(ip -n "$NS-pod" -o link show type tun)"
    like "$kind: the outside reaches the published port" '^pod ' "$(ask outside tcp 203.0.113.1 8080)"
    # The administrator changes the network while it is in use.
    plugins "$version" "$bridge" | sed 's/br0/br1/' >"$NETWORKS/10-net.conflist"
    ok "$kind: DEL, by the network as it was" call del
    is "$kind: leaves nothing" "$empty" "$(engine)"
    ok "$kind: DEL again" call del
done

# CHECK, without portmap: that of Debian's looks for rules of IPv6 which its ADD does not make (1.1.1).
tuning='{"type": "tuning", "mac": "02:00:00:00:00:77"}'
for version in 0.3.1 0.4.0 1.0.0; do
    plugins "$version" "$bridge" "$tuning" >"$NETWORKS/10-net.conflist"
    call add >/dev/null
    ok "$version: CHECK" call check
    in_ns pod ip link set eth0 address 02:00:00:00:00:78
    if [ "$version" = 0.3.1 ]; then
        ok "$version: has no CHECK" call check
    else
        fails "$version: CHECK sees a change" call check
        like "$version: and tells it in the plugin's words" '^the CNI plugin bridge failed at CHECK: .*02:00:00:00:00:78' "$(said)"
    fi
    ok "$version: DEL" call del
    fails "$version: CHECK after that" call check
    like "$version: and says so" '^vm-1 is not on the CNI network net$' "$(said)"
done
plugins 1.0.0 "$bridge" "$tuning" | jq '.disableCheck = true' >"$NETWORKS/10-net.conflist"
call add >/dev/null
in_ns pod ip link set eth0 address 02:00:00:00:00:78
ok "disableCheck" call check
ok "DEL" call del

# What is asked for.
plugins 1.0.0 "$bridge" >"$NETWORKS/10-net.conflist"
call add 'IgnoreUnknown=1;IP=192.0.2.77' >/dev/null
is "CNI_ARGS: an address" 192.0.2.77 "$(address)"
is "the cache is libcni's" 'cniCacheV1 vm-1 eth0 net [["IgnoreUnknown","1"],["IP","192.0.2.77"]] 192.0.2.77/24 net' \
    "$(jq -r '.kind, .containerId, .ifName, .networkName, (.cniArgs | tojson), .result.ips[0].address, (.config | @base64d | fromjson | .name)' \
        "$CACHE/results/net-vm-1-eth0" | xargs -d '\n')"
ok "and DEL" call del
call add '' '{"ips": ["192.0.2.88/24"], "mac": "02:00:00:00:00:99"}' >/dev/null
is "runtimeConfig: an address" 192.0.2.88 "$(address)"
ok "and DEL" call del
echo '{"cniVersion": "1.0.0", "name": "other", "type": "loopback"}' >"$NETWORKS/05-other.conf"
echo 'broken' >"$NETWORKS/20-broken.conflist"
ok "a broken file of another network is in nobody's way" call add
ok "and DEL" call del
NETWORK='' AT=/run/netns/$NS-outside ID=lo call add >"$TMP/result"
is "without a name it is the first file's network, of one plugin" lo "$(jq -r '.interfaces[0].name' "$TMP/result")"
NETWORK=other AT=/run/netns/$NS-outside ID=lo ok "and DEL" call del

# Errors: one line, and nothing stays.
refused_with() { # DESCRIPTION REGEX
    fails "$1: refused" call add
    like "$1: the reason" "$2" "$(said)"
    is "$1: one line" 1 "$(said | wc -l)"
    is "$1: nothing is left" "$empty" "$(engine)"
}
NETWORK=none refused_with "no such network" "^$TMP/net.d/20-broken.conflist: not a JSON object$"
rm "$NETWORKS/20-broken.conflist"
NETWORK=none refused_with "no such network" "^$TMP/net.d: there is no CNI network none$"
NETWORK=../net refused_with "a network's name that is a path" "cannot be the name of a CNI network"
ID=a/b refused_with "a container's name that is a path" "cannot be the name of a container"
AT=/run/netns/$NS-none refused_with "no such namespace" 'the CNI plugin bridge failed at ADD: .*/run/netns/.*-none'
for bad in '{"cniVersion": "1.0.0", "name": "net", "plugins": []}|"plugins" is missing or empty' \
    '{"cniVersion": "1.0.0", "name": "net", "plugins": [7]}|a plugin is not a JSON object' \
    '{"name": "net", "plugins": [{"type": "bridge"}]}|cniVersion 0.1.0 is not supported' \
    '{"cniVersion": "1.0.0", "name": "../net", "plugins": [{"type": "bridge"}]}|"name" has to be' \
    '{"cniVersion": "1.0.0", "name": "net", "plugins": [{"type": "../bridge"}]}|no "type" that is' \
    '{"cniVersion": "1.0.0", "name": "net", "plugins": [{"bridge": "br0"}]}|no "type" that is' \
    '{"cniVersion": "1.0.0", "name": "net", "plugins": [{"type": "fly"}]}|there is no CNI plugin fly in'; do
    echo "${bad%|*}" >"$NETWORKS/10-net.conflist"
    refused_with "${bad%|*}" "${bad##*|}"
done
for last in '{"type": "tuning", "sysctl": {"net.core.none": "1"}}|the CNI plugin tuning failed at ADD: ' \
    '{"type": "dies"}|the CNI plugin dies failed at ADD with exit code 3: for no reason' \
    '{"type": "mute"}|the CNI plugin mute has added the container, but its result is not JSON' \
    '{"type": "babbles"}|the CNI plugin babbles has added the container, but its result is not JSON' \
    '{"type": "fly"}|there is no CNI plugin fly'; do
    printf '#!/bin/sh\n[ $CNI_COMMAND != ADD ] || { echo for no reason >&2; exit 3; }\n' >"$TMP/plugins/dies"
    printf '#!/bin/sh\n' >"$TMP/plugins/mute"
    printf '#!/bin/sh\necho "[1]"\n' >"$TMP/plugins/babbles"
    chmod 755 "$TMP"/plugins/{dies,mute,babbles}
    plugins 1.0.0 "$bridge" "$others" "${last%|*}" >"$NETWORKS/10-net.conflist"
    fails "a chain whose end fails" call add '' '{"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}'
    like "the reason" "${last##*|}" "$(said)"
    is "nothing is left" "$empty" "$(engine)"
done

# Killed within each plugin's ADD: DEL, later, finds all.
plugins 1.0.0 "$bridge" '{"type": "dies"}' "$others" >"$NETWORKS/10-net.conflist"
ID=killed
printf '#!/bin/sh\n[ $CNI_COMMAND != ADD ] || { kill -9 "$PPID"; exit 1; }\n' >"$TMP/plugins/dies"
fails "killed in the middle" call add
like "what the first plugin made is there" 'eth0' "$(engine)"
printf '#!/bin/sh\nexit 0\n' >"$TMP/plugins/dies"
ok "DEL" call del
is "nothing is left" "$empty" "$(engine)"
unset ID

# STATUS and GC, which came with 1.1.0: of the network, whatever container it is for.
cat >"$TMP/plugins/keeps" <<KEEPS
#!/bin/sh
[ -e "$TMP/ready" ] || { echo '{"cniVersion": "1.1.0", "code": 50, "msg": "not yet", "details": "no lake"}'; exit 1; }
echo "\$CNI_COMMAND \${CNI_CONTAINERID-none} \${CNI_NETNS-none} \${CNI_IFNAME-none}" >>"$TMP/called"
cat >"$TMP/config.\$CNI_COMMAND"
[ \$CNI_COMMAND != ADD ] || echo '{"cniVersion": "1.1.0", "interfaces": [], "ips": []}'
KEEPS
chmod 755 "$TMP/plugins/keeps"
keeps() { plugins "$1" '{"type": "keeps", "lake": 7}' '{"type": "tc-redirect-tap"}' '{"type": "keeps"}' | jq "${2-.}" >"$NETWORKS/10-net.conflist"; }
called() { cat "$TMP/called" 2>/dev/null; rm -f "$TMP/called"; }
keeps 1.1.0
fails "STATUS of a network that is not ready" call status
is "is said in the plugin's words" "the CNI plugin keeps failed at STATUS: not yet: no lake" "$(said)"
touch "$TMP/ready"
ok "STATUS" call status
is "asks each plugin, for no container" "$(printf 'STATUS none none none\n%.0s' 1 2)" "$(called)"
ID=vm-1 call add >/dev/null
ID=vm-2 call add >/dev/null
called >/dev/null
ok "GC" call gc
is "asks each plugin, for no container" "$(printf 'GC none none none\n%.0s' 1 2)" "$(called)"
is "and tells what is in use" '[{"containerID":"vm-1","ifname":"eth0"},{"containerID":"vm-2","ifname":"eth0"}]' \
    "$(jq -c '."cni.dev/valid-attachments"' "$TMP/config.GC")"
ID=vm-1 call del
ok "GC" call gc
is "which is less after a DEL" '[{"containerID":"vm-2","ifname":"eth0"}]' \
    "$(jq -c '."cni.dev/attachments"' "$TMP/config.GC")"
ID=vm-2 call del
called >/dev/null
keeps 1.1.0 '.disableGC = true'
ok "GC of a network with disableGC" call gc
keeps 1.0.0
ok "GC of one before 1.1.0" call gc
ok "and STATUS" call status
is "do not call it" "" "$(called)"
is "nothing is left" "$empty" "$(engine)"

# What is kept becomes plugins' configuration, so nobody else may write it.
plugins 1.0.0 "$bridge" >"$NETWORKS/10-net.conflist"
chown 1000 "$CACHE/results"
fails "results that another user owns" call add
like "are said" 'results: Operation not permitted' "$(said)"
chown 0 "$CACHE/results" && chmod 777 "$CACHE"
fails "a cache that others may write to" call add
chmod 755 "$CACHE"
is "nothing was made" "$empty" "$(engine)"

# libcni's own caller reads what is kept, and the other way round; its name of a container is from the namespace's path.
plugins 1.0.0 "$bridge" "$tuning" >"$NETWORKS/10-net.conflist"
if [ -x build/cnitool ]; then
    ID=cnitool-$(printf %s "$POD" | sha512sum | cut -c1-20)
    tool() {
        in_ns engine unshare -m sh -c 'mount --bind "$0" /var/lib && mkdir -p /var/lib/cni && mount --bind "$1" /var/lib/cni && shift && exec "$@"' \
            "$TMP/lib" "$CACHE" env CNI_PATH="$PLUGINS" NETCONFPATH="$NETWORKS" "$PWD/build/cnitool" "$1" net "$POD"
    }
    ok "ADD by ours" call add
    ok "cnitool check" tool check
    ok "cnitool del" tool del
    is "nothing is left" "$empty" "$(engine)"
    ok "cnitool add" tool add
    ok "CHECK by ours" call check
    ok "DEL by ours" call del
    is "nothing is left" "$empty" "$(engine)"
    ln -s "$PWD/build/bin/tc-redirect-tap" "$TMP/plugins" # libcni does not leave it out
    keeps 1.1.0
    for command in status gc; do
        ok "$command by ours" call $command
        config=$(jq -S 'del(."cni.dev/attachments", ."cni.dev/valid-attachments")' "$TMP/config.${command^^}") # cnitool has no list
        ok "$command by cnitool" tool $command
        is "$command: plugins get the same" "$config" "$(jq -S . "$TMP/config.${command^^}")"
    done
else
    COUNT=$((COUNT + 1))
    echo "ok $COUNT - cnitool # SKIP go install did not get it"
fi
echo "1..$COUNT"
