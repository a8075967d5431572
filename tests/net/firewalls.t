#!/bin/bash
# Firewalls that people have: ufw itself, and rulesets of nf_tables' own, which no iptables rule can open and which
# netsetup tells of.
# shellcheck source=tests/net/lib.bash
. "$(dirname "$0")/lib.bash"
FIREWALLS=$PWD/build/firewalls DNSPEER=$PWD/tests/net/dnspeer.py

services() { # what a guest needs: the outside, a published port, the host's resolver
    serve outside tcp 0.0.0.0 7000 outside
    PEER=$DNSPEER background host serve resolver 127.0.0.53 device=lo
    serve host tcp 0.0.0.0 9000 host
}
reaches() { # WHAT [closed]: the host is closed to the outside, too
    is "$1: the guest reaches the outside" "outside 192.0.2.1" "$(ask guest-a tcp 192.0.2.2 7000)"
    is "$1: the outside reaches the published port" "a 192.0.2.2" "$(ask outside tcp 192.0.2.1 8080)"
    is "$1: the guest has the host's resolver" "resolver 127.0.0.1" "$(in_ns guest-a "$DNSPEER" ask udp "$(field a tap_ip)")"
    refused "$1: but not the host's services" guest-a tcp 192.0.2.1 9000
    [ $# = 1 ] || refused "$1: nor has the outside the host's" outside tcp 192.0.2.1 9000
    refused_all
}
start() { # WHAT: and whether it warns
    up a --ports 8080:80 --dns 127.0.0.53
    guest a
    serve guest-a tcp 0.0.0.0 80 a
    is "$1: warnings" "$2" "$(grep -c 'nftables' "$TMP/a.err")"
}
end() {
    down a
    ip netns del "$NS-guest-a"
}

# --- ufw, as `ufw enable` leaves it: what comes in and is forwarded is refused ---
# Its files are where --rootdir and --datadir say; the rules go where its iptables is this namespace's.
ufw() { in_ns host env PYTHONPATH="$TMP/ufw/usr/lib/python3/dist-packages" python3 "$TMP/ufw/usr/sbin/ufw" "--rootdir=$TMP/ufw" "--datadir=$TMP/ufw" "$@"; }
make_hosts 1500
cp -a "$FIREWALLS" "$TMP/ufw"
cp "$TMP"/ufw/usr/share/ufw/iptables/*.rules "$TMP/ufw/etc/ufw/" # as its postinst does
cp "$TMP"/ufw/usr/share/ufw/{ufw.conf,before.rules,before6.rules,after.rules,after6.rules} "$TMP/ufw/etc/ufw/"
ok "ufw is enabled" ufw --force enable
like "ufw drops what is forwarded" "-P FORWARD DROP" "$(in_ns host iptables -S)"
services
up a && down a # the first one leaves empty tables
before=$(snapshot)
start ufw 0
reaches ufw closed
end
is "ufw's rules are as before" "$before" "$(snapshot)"
drop_hosts

# --- nf_tables' own ---
nft() { in_ns host env LD_LIBRARY_PATH="$FIREWALLS/usr/lib/$(uname -m)-linux-gnu" "$FIREWALLS/usr/sbin/nft" "$@"; }
make_hosts 1500
services
ok "a ruleset with policies" nft -f - <<'NFT'
table inet filter {
    chain input {
        type filter hook input priority filter; policy drop;
        ct state established,related accept
        iif lo accept
        meta l4proto { icmp, ipv6-icmp } accept
    }
    chain forward {
        type filter hook forward priority filter; policy drop;
        ct state established,related accept
    }
    chain output {
        type filter hook output priority filter; policy accept;
    }
}
NFT
start "policy drop" 2
like "policy drop: the warning names chain and table" "chain input of table filter .*chain forward of table filter" "$(tr '\n' ' ' <"$TMP/a.err")"
refused "policy drop: the guest does not get out" guest-a tcp 192.0.2.2 7000
refused_all
end
group=$(sed -n 's/.*iifgroup \(0x[0-9a-f]*\).*/\1/p' "$TMP/a.err" | head -1)
nft add rule inet filter forward iifgroup "$group" accept
nft add rule inet filter forward oifgroup "$group" accept
nft add rule inet filter input iifgroup "$group" accept
start "rules as the warning says" 0
reaches "rules as the warning says" closed
end
nft flush chain inet filter forward
nft flush chain inet filter input
nft add rule inet filter input iif lo accept
nft add rule inet filter input iifname 'ctr*' accept
nft add rule inet filter input ct state established,related accept
nft add rule inet filter forward counter accept
start "rules by the TAP's name" 0
reaches "rules by the TAP's name" closed
end
nft delete table inet filter

ok "a ruleset that ends in a refusal, as firewalld's" nft -f - <<'NFT'
table inet firewalld {
    chain filter_FORWARD {
        type filter hook forward priority filter + 10; policy accept;
        ct state established,related accept
        iifname "docker0" accept
        counter reject with icmpx admin-prohibited
    }
}
NFT
start "a last reject" 1
end
nft delete table inet firewalld
nft -f - <<'NFT'
table ip mine {
    chain forward {
        type filter hook forward priority filter; policy accept;
        ip saddr 203.0.113.9 drop
        tcp dport 25 reject
    }
    chain unused { drop; }
}
NFT
start "refusals of something else" 0
reaches "refusals of something else"
end
drop_hosts
done_testing
