# Shared by the network tests: namespaces, VMs without a VM, servers and clients, and TAP lines.
#
#   outside --- host === guests        outside 192.0.2.2, fd77::2   host 192.0.2.1, fd77::1 on up0
#
# Everything lives in namespaces made here; all of it goes when the script ends, however it ends.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
NETSETUP=${NETSETUP:-$PWD/build/bin/netsetup} PEER=$PWD/build/net/peer
TMP=$(mktemp -d)
NS=ctrnet$$
WORLD=${WORLD:-nft}
COUNT=0 FAILS=0
declare -a REFUSED_PID=()
declare -A VM=() # id -> pid of its netsetup

finish() {
    local code=$? pids ns
    mapfile -t pids < <(jobs -p)
    { [ "${#pids[@]}" = 0 ] || kill -9 "${pids[@]}"; wait; } 2>/dev/null
    for ns in /run/netns/"$NS"-*; do
        [ -e "$ns" ] && ip netns del "${ns##*/}"
    done
    rm -rf "$TMP"
    [ "$code" = 0 ] && [ "$FAILS" = 0 ]
}
trap 'finish; exit $?' EXIT
trap 'exit 130' INT TERM HUP

# --- TAP ---
result() { # 0|1 DESCRIPTION
    COUNT=$((COUNT + 1))
    if [ "$1" = 0 ]; then
        echo "ok $COUNT - $2"
    else
        echo "not ok $COUNT - $2"
        FAILS=$((FAILS + 1))
    fi
}
ok() { # DESCRIPTION COMMAND...
    local what=$1 out code
    shift
    out=$("$@" 2>&1)
    code=$?
    result $((code != 0)) "$what"
    [ $code = 0 ] || printf '%s\n' "$* -> $code" "$out" | sed 's/^/#   /' | head -20
}
fails() { # DESCRIPTION COMMAND...
    local what=$1 out code
    shift
    out=$("$@" 2>&1)
    code=$?
    result $((code == 0)) "$what"
    [ $code != 0 ] || printf '%s\n' "$* -> 0" "$out" | sed 's/^/#   /' | head -20
}
is() { # DESCRIPTION EXPECTED ACTUAL
    [ "$2" = "$3" ]
    result $? "$1"
    [ "$2" = "$3" ] || diff <(printf '%s\n' "$2") <(printf '%s\n' "$3") | head -20 | sed 's/^/#   /'
}
like() { # DESCRIPTION EXTENDED-REGEX ACTUAL
    [[ $3 =~ $2 ]]
    result $? "$1"
    [[ $3 =~ $2 ]] || printf '#   wanted: %s\n#   got:    %s\n' "$2" "$3"
}
# Refusals are waits: they run side by side, and refused_all gives the results.
REFUSED=()
refused() { # DESCRIPTION NS tcp|udp ADDRESS PORT [SOURCE]: no answer
    REFUSED+=("$1")
    nsenter --net="/run/netns/$NS-$2" -- "$PEER" ask "${@:3}" >"$TMP/refused.${#REFUSED[@]}" 2>&1 &
    REFUSED_PID[${#REFUSED[@]}]=$!
}
refused_all() {
    local i
    for ((i = 1; i <= ${#REFUSED[@]}; i++)); do
        wait "${REFUSED_PID[i]}"
        result $(($? == 0)) "${REFUSED[i - 1]}"
    done
    REFUSED=()
}
# The iptables backends that this kernel has; the other one's tests are skipped.
WORLDS=()
for WORLD in nft legacy; do
    if unshare -n "iptables-$WORLD" -t nat -L >/dev/null 2>&1; then
        WORLDS+=("$WORLD")
    else
        COUNT=$((COUNT + 1))
        echo "ok $COUNT - $WORLD # SKIP this machine has no iptables-$WORLD"
    fi
done
done_testing() { echo "1..$COUNT"; }

# --- namespaces ---
in_ns() { # NAME COMMAND...
    local ns=$1
    shift
    nsenter --net="/run/netns/$NS-$ns" -- "$@"
}
make_ns() {
    ip netns add "$NS-$1"
    in_ns "$1" ip link set lo up
}
carrier() { in_ns host ip link show up0 | grep -q 'state UP'; }
make_hosts() { # MTU of the uplink
    make_ns outside
    make_ns host
    ip -n "$NS-host" link add up0 mtu "$1" type veth peer name eth0 mtu "$1" netns "$NS-outside"
    ip -n "$NS-outside" link set eth0 addrgenmode none
    ip -n "$NS-host" link set up0 addrgenmode none
    ip -n "$NS-outside" addr add 192.0.2.2/24 dev eth0
    ip -n "$NS-outside" addr add fd77::2/64 dev eth0 nodad
    ip -n "$NS-outside" link set eth0 up
    ip -n "$NS-host" addr add 192.0.2.1/24 dev up0
    ip -n "$NS-host" addr add fd77::1/64 dev up0 nodad
    ip -n "$NS-host" link set up0 up
    patiently carrier
    ip -n "$NS-host" route add default via 192.0.2.2
    ip -n "$NS-host" -6 route add default via fd77::2
}
# Namespaces that have nothing to do with the host, but share its kernel: "here" asks "there", 198.51.100.2 and
# 2001:db8:5::2, which answers on UDP 7.
make_bystanders() {
    local end
    make_ns here
    make_ns there
    ip -n "$NS-here" link add eth0 type veth peer name eth0 netns "$NS-there"
    for end in here:1 there:2; do
        ip -n "$NS-${end%:*}" addr add 198.51.100.${end#*:}/24 dev eth0
        ip -n "$NS-${end%:*}" addr add 2001:db8:5::${end#*:}/64 dev eth0 nodad
        ip -n "$NS-${end%:*}" link set eth0 up
    done
    serve there udp 0.0.0.0 7 there
    serve there udp :: 7 there
}
drop_hosts() {
    ip netns del "$NS-host"
    ip netns del "$NS-outside"
}
ipt() { in_ns host "iptables-$WORLD" "$@"; }
ip6t() { in_ns host "ip6tables-$WORLD" "$@"; }

# --- waiting ---
patiently() { # COMMAND...: until it succeeds, half a minute at most
    local i
    for ((i = 0; i < 1500; i++)); do
        "$@" >/dev/null 2>&1 && return
        sleep 0.02
    done
    return 1
}
reaches() { # NUMBER COMMAND...: waits until what the command prints is at least that
    local i
    for ((i = 0; i < 1500; i++)); do
        [ "$("${@:2}")" -lt "$1" ] || return 0
        sleep 0.02
    done
    return 1
}
started() { # PID FILE: a line is there, or the process is gone
    while [ ! -s "$2" ] && kill -0 "$1" 2>/dev/null; do sleep 0.005; done
    [ -s "$2" ]
}

# --- VMs ---
hold() { # up|take ID OPTION...: a network, held in the background; 1 when refused (message in $TMP/ID.err)
    local how=$1 id=$2
    shift 2
    : >"$TMP/$id.json"
    nsenter --net="/run/netns/$NS-host" -- "$NETSETUP" "$how" "$id" "$@" >"$TMP/$id.json" 2>"$TMP/$id.err" &
    VM[$id]=$!
    started "${VM[$id]}" "$TMP/$id.json" || { cat "$TMP/$id.err" >&2; return 1; }
}
up() { hold up "$@"; }
take() { hold take "$@"; }
down() { # ID: 0 when it ended well
    kill "${VM[$1]}"
    wait "${VM[$1]}"
}
field() { sed -n "s/.*\"$2\":\"\{0,1\}\([^\",}]*\).*/\1/p" "$TMP/$1.json"; } # ID NAME
neighbours() { # ID: what init enters
    local gateway
    for gateway in "$(field "$1" tap_ip)" "$(field "$1" tap_ip6)"; do
        [ -z "$gateway" ] || ip -n "$NS-guest-$1" neigh replace "$gateway" lladdr "$(field "$1" tap_mac)" dev eth0
    done
}
guest() { # ID [MAC]: the VM itself, namespace guest-ID with card eth0
    local id=$1
    make_ns "guest-$id"
    background host card "$(field "$id" tap)" "/run/netns/$NS-guest-$id" "${2:-$(field "$id" mac)}" eth0 "$(field "$id" mtu)"
    ip -n "$NS-guest-$id" addr add "$(field "$id" guest_ip)/30" dev eth0
    ip -n "$NS-guest-$id" link set eth0 arp off up # as init does
    neighbours "$id"
    ip -n "$NS-guest-$id" route add default via "$(field "$id" tap_ip)"
    local guest6
    guest6=$(field "$id" guest_ip6)
    if [ -n "$guest6" ]; then
        ip -n "$NS-guest-$id" addr add "$guest6/64" dev eth0 nodad
        ip -n "$NS-guest-$id" -6 route add default via "$(field "$id" tap_ip6)"
    fi
}

# --- servers and clients ---
background() { # NS PEER-ARGUMENT...: a peer, ready when this returns
    local out ns=$1
    shift
    out=$(mktemp -p "$TMP")
    nsenter --net="/run/netns/$NS-$ns" -- "$PEER" "$@" >"$out" 2>&1 &
    LAST=$!
    # shellcheck disable=SC2034 # for the tests
    HEARD=$out
    started $LAST "$out"
    [ "$(head -c5 "$out")" = ready ] && return
    echo "# peer $*: $(cat "$out")"
    return 1
}
serve() { background "$1" serve "${@:2}"; } # NS tcp|udp ADDRESS PORT TAG; its output is in $HEARD
ask() { in_ns "$1" "$PEER" ask "${@:2}"; } # NS tcp|udp ADDRESS PORT [SOURCE]
stop() { kill "$1" && wait "$1" 2>/dev/null; true; }

# --- what the host looks like ---
# Comments have the time in them; counters of chains count what passed.
saved() { # [iptables|ip6tables] of both backends
    local world
    for world in nft legacy; do
        in_ns host "${1:-iptables}-$world-save" 2>/dev/null | grep -v '^#' | sed -E 's/\[[0-9]+:[0-9]+\]$//'
    done
}
snapshot() { # carriers come and go by themselves, and indexes only grow
    {
        saved iptables
        saved ip6tables
        in_ns host ip -j addr
        in_ns host ip -j route show table all
        in_ns host ip -6 -j route show table all
        in_ns host ip -j link
        in_ns host grep -o '@ctr-jailer.*' /proc/net/unix
    } | sed -E 's/"(ifindex|link_index)":[0-9]+,?//g; s/"(linkdown|dead|NO-CARRIER|LOWER_UP)",?//g; s/"operstate":"[A-Z]*"//g; s/,\]/]/g'
}
