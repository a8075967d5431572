#!/bin/bash
# The CNI plugin tc-redirect-tap, in chains with real plugins (bridge, ptp, host-local) and called as runtimes do, also
# by cnitool where that is: a VM at its TAP has the container's interface.
#
#   engine (its bridge or veth) === pod (eth0, and the TAP) --- guest
#: timeout 200
# shellcheck source=tests/net/lib.bash
. "$(dirname "$0")/lib.bash"
PLUGIN=$PWD/build/bin/tc-redirect-tap CALL=$PWD/tests/net/cnicall.py
POD=/run/netns/$NS-pod
export CNI_PATH=$PWD/build/bin:/usr/lib/cni CNI_CONTAINERID=vm-1 CNI_NETNS=$POD CNI_IFNAME=eth0

conflist() { # VERSION PLUGIN: a network of both families
    cat <<JSON
{"cniVersion": "$1", "name": "net", "plugins": [
  {"type": "$2", "bridge": "br0", "isGateway": true, "mtu": 1400, "ipam": {"type": "host-local", "dataDir": "$TMP/ipam",
    "ranges": [[{"subnet": "192.0.2.0/24"}], [{"subnet": "fd77::/64"}]], "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]},
    "dns": {"nameservers": ["192.0.2.53"], "search": ["example.test"]}},
  {"type": "tc-redirect-tap"}]}
JSON
}
# What plugins keep in /var/lib is gone with the test.
as_runtime() { in_ns engine unshare -m sh -c 'mount --bind "$0" /var/lib && exec "$@"' "$TMP/lib" "$@"; }
call() { as_runtime "$CALL" "$1" "$TMP/net.d/net.conflist" "$TMP/result"; } # COMMAND
plugin() { # COMMAND CONFIG: ours alone
    as_runtime env CNI_COMMAND="$1" "$PLUGIN" <<<"$2"
}
of_result() { jq -r "$1" "$TMP/result"; } # FILTER
# The container's interface and what hangs on it.
pod() {
    ip -n "$NS-pod" -d addr show
    ip -n "$NS-pod" route show table all
    ip -n "$NS-pod" -6 route show table all
    in_ns pod tc qdisc show
}
guest_joins() { # with what the result says of the VM's interface
    local vm address
    vm=$(of_result '.interfaces | length - 1')
    make_ns guest
    background pod card "$(of_result ".interfaces[$vm].name")" "/run/netns/$NS-guest" "$(of_result ".interfaces[$vm].mac")" eth0 1400
    for address in $(of_result ".ips[] | select(.interface == $vm) | .address"); do
        if [[ $address == *:* ]]; then
            ip -n "$NS-guest" addr add "$address" dev eth0 nodad
        else
            ip -n "$NS-guest" addr add "$address" dev eth0
        fi
    done
    ip -n "$NS-guest" link set eth0 addrgenmode none up
    for address in $(of_result ".ips[] | select(.interface == $vm) | .gateway"); do
        ip -n "$NS-guest" route add "$address" dev eth0 2>/dev/null
        ip -n "$NS-guest" route add default via "$address"
    done
    serve guest tcp 0.0.0.0 8000 guest
    serve guest tcp :: 8000 guest
}
reaches() { # FROM ADDRESS PORT WHO
    [[ $(ask "$1" tcp "$2" "$3") == "$4 "* ]]
}
of_family() { of_result ".ips[] | .address" | grep -m 1 -F "$1" | cut -d/ -f 1; } # . or :

mkdir "$TMP/lib" "$TMP/net.d"
for kind in 'bridge 0.3.1' 'bridge 0.4.0' 'bridge 1.0.0' 'ptp 1.0.0'; do
    read -r type version <<<"$kind"
    make_ns engine
    make_ns pod
    conflist "$version" "$type" | jq 'del(.plugins[1])' >"$TMP/net.d/net.conflist"
    call ADD >"$TMP/out"
    result $? "$kind: the real plugins alone make an interface"
    # tentative addresses and the carrier settle by themselves
    settled() { ! ip -n "$NS-pod" addr show | grep -qE 'tentative|state DOWN'; }
    patiently settled
    before=$(pod)
    # what plugins would say to the next in the chain
    jq --slurpfile result "$TMP/result" '.plugins[1] * {cniVersion, name, prevResult: $result[0]}' \
        <(conflist "$version" "$type") >"$TMP/config"
    plugin ADD "$(<"$TMP/config")" >"$TMP/added"
    result $? "$kind: then ours adds a TAP"
    cp "$TMP/added" "$TMP/result"
    is "$kind: two interfaces more: the TAP, and the VM's end of it" "tap0 $POD tap0 vm-1" \
        "$(of_result '.interfaces[-2:][] | .name, .sandbox' | xargs)"
    is "$kind: that has the container's MAC address and addresses" "$(ip -n "$NS-pod" -j link show eth0 | jq -r '.[0].address') 2" \
        "$(of_result '.interfaces[-1].mac') $(of_result '. as $r | [.ips[] | select(.interface == ($r.interfaces | length - 1))] | length')"
    is "$kind: all else is as it was" "$(jq -cS '.prevResult | del(.interfaces, .ips)' "$TMP/config")" \
        "$(jq -cS 'del(.interfaces, .ips)' "$TMP/added")"
    guest_joins
    ok "$kind: the engine reaches the guest over IPv4" reaches engine "$(of_family .)" 8000 guest
    ok "$kind: over IPv6" patiently reaches engine "$(of_family :)" 8000 guest
    serve engine tcp 0.0.0.0 7000 engine
    serve engine tcp :: 7000 engine
    ok "$kind: the guest reaches the engine over IPv4" reaches guest "$(of_result '.ips[0].gateway')" 7000 engine
    ok "$kind: over IPv6" patiently reaches guest "$(of_result '.ips[1].gateway')" 7000 engine
    ok "$kind: so does the container itself" reaches pod "$(of_result '.ips[0].gateway')" 7000 engine
    is "$kind: netsetup's clean-up leaves it alone" 0 "$(in_ns pod "$NETSETUP" gc)"
    like "$kind: a second ADD is refused" '"code":100,"msg":"the interface eth0 already has an ingress qdisc' \
        "$(plugin ADD "$(<"$TMP/config")")"
    is "$kind: and leaves no second TAP" tap0 "$(ip -n "$NS-pod" -o link show type tun | cut -d: -f 2 | xargs)"
    with_result=$(jq --slurpfile result "$TMP/added" '.prevResult = $result[0]' "$TMP/config")
    if [ "$version" = 0.3.1 ]; then
        like "$kind: has no CHECK" '"code":1,.*has no CHECK' "$(plugin CHECK "$with_result")"
    else
        ok "$kind: CHECK" plugin CHECK "$with_result"
        in_ns pod tc qdisc del dev eth0 clsact
        like "$kind: CHECK tells what has been removed" '"code":100,"msg":"eth0 is not tied any more' "$(plugin CHECK "$with_result")"
    fi
    ip netns del "$NS-guest"
    ok "$kind: DEL without a previous result" plugin DEL "$(jq 'del(.prevResult)' "$TMP/config")"
    patiently settled
    is "$kind: leaves the container's interface as it was" "$before" "$(pod)"
    ok "$kind: and again, with nothing there" plugin DEL "$with_result"
    ip netns del "$NS-pod"
    ok "$kind: and with no namespace" plugin DEL "$with_result"
    ip netns del "$NS-engine"
    rm -rf "$TMP/ipam"
done

# The whole chain, with arguments.
make_ns engine
make_ns pod
conflist 1.0.0 bridge >"$TMP/net.d/net.conflist"
CNI_ARGS='IgnoreUnknown=1;TC_REDIRECT_TAP_NAME=vmtap;TC_REDIRECT_TAP_UID=1234;TC_REDIRECT_TAP_GID=2345' call ADD >"$TMP/out"
result $? "the whole chain, with arguments"
like "the TAP's name and owner are those of the arguments" 'vmtap:.*tun type tap .*user 1234 group 2345' \
    "$(ip -n "$NS-pod" -d link show vmtap | xargs)"
guest_joins
ok "the guest reaches the engine's address" reaches engine "$(of_family .)" 8000 guest
ok "CHECK of the chain" call CHECK
ip netns del "$NS-guest"
ok "DEL of the chain" call DEL
is "and nothing but lo is left" "lo" "$(ip -n "$NS-pod" -j link show | jq -r '.[].ifname' | xargs)"

# cnitool: the specification's own caller.
as_page() { # docs/cni.md's commands, with /opt, /etc and /var/lib that go with the test
    in_ns engine unshare -m bash -ec 'cd "$0" && mount -t tmpfs etc "$1" && mkdir "$1"/{u,w,lib} && mount --bind "$1/lib" /var/lib
        mount -t overlay -o "lowerdir=/etc,upperdir=$1/u,workdir=$1/w" etc /etc && mount -t tmpfs opt /opt
        PATH=$0/build:$PATH && . "$2"' "$PWD" "$TMP/etc" "$1"
}
if [ -x build/cnitool ]; then
    mkdir "$TMP/etc"
    tests/lib/blocks.py docs/cni.md sh "$TMP/page"
    is "docs/cni.md has one block of commands" 1 "$(ls "$TMP/page")"
    sed -i 's/^make programs$/true/; s/my-vm/'"$NS"'-my-vm/g' "$TMP/page/1" # nothing is built here; other tests run, too
    as_page "$TMP/page/1" >"$TMP/paged" 2>&1
    result $? "its commands work"
    sed 's/^/# /' "$TMP/paged"
    like "and the result names the TAP, which is there" '"name": *"tap0".*tap0: <' "$(tr -d '\n' <"$TMP/paged")"
    cnitool() { as_runtime env NETCONFPATH="$TMP/net.d" "$PWD/build/cnitool" "$1" net "$POD"; }
    cnitool add >"$TMP/result"
    result $? "cnitool add"
    # whose name of the container is its own
    is "its result names the TAP and the VM" "tap0 $POD tap0 cnitool-" \
        "$(of_result '.interfaces[-2:][] | .name, .sandbox' | xargs | sed 's/cnitool-.*/cnitool-/')"
    guest_joins
    ok "the guest is reached" reaches engine "$(of_family .)" 8000 guest
    ok "cnitool check" cnitool check
    ip netns del "$NS-guest"
    ok "cnitool del" cnitool del
else
    COUNT=$((COUNT + 1))
    echo "ok $COUNT - cnitool # SKIP go install did not get it"
fi

# What has no namespace.
is "VERSION" '1.1.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0' \
    "$(plugin VERSION '{"cniVersion":"1.1.0"}' | jq -r '.cniVersion, .supportedVersions[]' | xargs)"
ok "STATUS" plugin STATUS '{"cniVersion":"1.1.0","name":"net","type":"tc-redirect-tap"}'
ok "GC" plugin GC '{"cniVersion":"1.1.0","name":"net","type":"tc-redirect-tap","cni.dev/valid-attachments":[]}'
no_tun() {
    unshare -m sh -c 'mount -t tmpfs none /dev/net && exec env CNI_COMMAND=STATUS "$0"' "$PLUGIN" <<<'{"cniVersion":"1.1.0"}'
}
like "STATUS without the TUN device" '"code":50,"msg":"cannot open /dev/net/tun: No such file' "$(no_tun)"

# 1.1.0, which Debian's plugins do not have yet: by a previous result in its format.
ip -n "$NS-engine" link add veth0 type veth peer name eth0 netns "$NS-pod"
ip -n "$NS-engine" link set veth0 up
ip -n "$NS-pod" addr add 198.51.100.2/24 dev eth0
ip -n "$NS-pod" link set eth0 up
previous='{"cniVersion":"1.1.0","interfaces":[{"name":"veth0","mac":"02:00:00:00:00:01","mtu":1500},{"name":"eth0","sandbox":"'$POD'","mtu":1500}],
  "ips":[{"address":"198.51.100.2/24","interface":1}],"routes":[{"dst":"0.0.0.0/0","priority":7,"table":100}],"dns":{}}'
config='{"cniVersion":"1.1.0","name":"net","type":"tc-redirect-tap","prevResult":'$previous'}'
plugin ADD "$config" >"$TMP/result"
result $? "1.1.0: ADD"
is "1.1.0: the result has the MTU, and routes as they were" '1500 3 [{"dst":"0.0.0.0/0","priority":7,"table":100}]' \
    "$(of_result '.interfaces[-1].mtu, .ips[-1].interface, (.routes | tojson)' | xargs -d '\n')"
ok "1.1.0: DEL" plugin DEL "$config"

# Errors, as the specification has them.
error() { # DESCRIPTION CODE TEXT COMMAND CONFIG
    like "$1" "^\{\"cniVersion\":\"[0-9.]*\",\"code\":$2,\"msg\":\"$3" "$(plugin "$4" "$5")"
}
patiently settled
before=$(pod)
error "no chain" 7 'there is no prevResult' ADD '{"cniVersion":"1.0.0","name":"net","type":"tc-redirect-tap"}'
error "a version to come" 1 'cniVersion 9.0.0 is not supported' ADD '{"cniVersion":"9.0.0"}'
error "no version" 1 'cniVersion 0.1.0 is not supported' ADD '{"name":"net"}'
error "no JSON" 6 'the configuration on stdin is not a JSON object' ADD 'cniVersion'
error "no command" 4 'CNI_COMMAND is FLY' FLY "$config"
CNI_IFNAME='' error "no interface's name" 4 'CNI_IFNAME is not set' ADD "$config"
CNI_IFNAME=eth9 error "an interface that is not there" 100 'a VM cannot have the interface eth9: it does not exist' ADD "$config"
CNI_NETNS=/run/netns/none error "a namespace that is not there" 5 'cannot enter the network namespace /run/netns/none: No such file' ADD "$config"
CNI_ARGS='TC_REDIRECT_TAP_UID=me' error "an owner who is none" 4 'CNI_ARGS: TC_REDIRECT_TAP_UID=me is not a number' ADD "$config"
CNI_ARGS='TC_REDIRECT_TAP_NAME=a/b' error "a name that is none" 4 'CNI_ARGS: TC_REDIRECT_TAP_NAME=a/b is not the name' ADD "$config"
CNI_ARGS='TC_REDIRECT_TAP_NAME=eth0' error "a name in use" 100 'cannot create TAP device eth0: the name is in use' ADD "$config"
is "nothing is left of any of them" "$before" "$(pod)"
done_testing
