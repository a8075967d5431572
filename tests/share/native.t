#!/bin/bash
# The server of shares, mounted on this machine's own kernel: the guest's relay and the host's server joined by socket
# pairs (tests/share/standin.c), and every result compared with the folder itself.
#: timeout 300
set -euo pipefail
. tests/share/mount.bash
chmod 777 "$f"
as() { setpriv --reuid "$1" --regid "$1" --clear-groups -- "${@:2}"; } # UID command...
list() { (cd "$1" && find . -printf '%p %y %m %U:%G %T@ %l %n %s\n' | sort); }
status_of() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$SERVER/status"; }

serve

# --- who the server is ------------------------------------------------------------------------------
stat "$m" >/dev/null
is "the server has a user of its own" "$(status_of Uid)" "4200000001	4200000001	4200000001	4200000001"
is "its capabilities: CHOWN, DAC_OVERRIDE, SETGID, SETUID" "$(status_of CapEff)" 00000000000000c3
is "it gains none" "$(status_of NoNewPrivs)" 1
filters() { sed -n 's/^Seccomp:[[:space:]]*//p' /proc/"$SERVER"/task/*/status | sort -u; }
check "every thread has a seccomp filter" wait_until 5 eval '[ "$(filters)" = 2 ]'

# --- files as others know them -------------------------------------------------------------------------
tree() { # in the present directory
    mkdir -p a/b empty && echo text >a/file && head -c 3000001 /dev/urandom >a/b/data && : >a/nothing
    ln -s ../file a/b/link && ln -s /nonexistent dangling && ln a/file hard && mkfifo fifo
    printf x >$'new\nline \xff\xfe' && mkdir "$(printf 'n%.0s' {1..255})" && truncate -s 1T sparse
    chmod 640 a/file && chmod 1777 empty && chmod 2755 a/b && touch -d '1960-01-02 03:04:05.123456789' a/nothing
    touch -h -d @1.5 dangling && chown 1234:5678 a/b/data && chown -h 7:8 dangling && chmod 600 sparse
}
check "a tree made through the share" eval "(cd $m && tree)"
check "it is what the folder has" eval "$(declare -f list); list $f >$top/1; list $m >$top/2; diff $top/1 $top/2 && cmp $f/a/b/data $m/a/b/data"
is "a sparse file of 1 TiB takes no space" "$(stat -c '%s %b' "$f/sparse")" "1099511627776 0"
is "a file's links are one file" "$(stat -c %i "$m/hard")" "$(stat -c %i "$m/a/file")"
mkdir "$f/many" && (cd "$f/many" && seq 20000 | xargs touch)
is "a folder of 20,000 entries" "$(find "$m/many" -type f | wc -l)" 20000
resident() { sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$SERVER/status"; }
cat >"$top/listings.py" <<'END'
import os, sys
listings = [os.scandir(sys.argv[1]) for _ in range(3000)]
seen = [{next(one).name} for one in listings]
print(sorted({len(names | {entry.name for entry in one}) for names, one in zip(seen[::100], listings[::100])}), flush=True)
sys.stdin.read()
END
coproc LISTS { python3 "$top/listings.py" "$m/many"; }
read -r complete <&"${LISTS[0]}" || true
is "3000 listings at once are complete" "$complete" "[20000]"
check "and take little of the server's memory" test "$(resident)" -lt 65536
lists=$LISTS_PID
eval "exec ${LISTS[1]}>&-" # bash closes such a descriptor by its number alone
wait "$lists" || true
check "which rm -r empties" rm -r "$m/many"
check "and that is gone" test ! -e "$f/many"
check "tar of it is the folder's" cmp <(tar -C "$f" --sort=name --exclude=sparse -cf - .) \
    <(tar -C "$m" --sort=name --exclude=sparse -cf - .)
rm "$m/sparse"
check "cp -a and diff" eval "cp -a /usr/include/linux $m/inc && diff -r /usr/include/linux $f/inc && rm -r $m/inc"
echo 1 >"$m/append"
exec 5>>"$m/append"
echo host >>"$f/append"
echo 2 >&5
exec 5>&-
is "an append goes to the end of what the host has" "$(xargs <"$f/append")" "1 host 2"
check "the calls of a file system" python3 tests/share/calls.py "$m" "$f"

# --- both directions -------------------------------------------------------------------------------------
echo one >"$f/seen"
is "what the host writes is read" "$(<"$m/seen")" one
echo two >"$f/seen.new" && mv "$f/seen.new" "$f/seen"
check "a file that the host replaces is seen" wait_until 5 eval "[ \"\$(<$m/seen)\" = two ]"
mkdir "$f/v1" "$f/v2" && echo 1 >"$f/v1/key" && echo 2 >"$f/v2/key" && ln -s v1 "$f/..data" && ln -s ..data/key "$f/key"
is "a file behind a link, as Kubernetes' volumes have them" "$(<"$m/key")" 1
ln -s v2 "$f/..data_tmp" && mv -T "$f/..data_tmp" "$f/..data"
check "a link that the host replaces is seen" wait_until 5 eval "[ \"\$(<$m/key)\" = 2 ]"
echo longer text >"$f/seen"
check "a file that the host writes again is seen" wait_until 5 eval "[ \"\$(<$m/seen)\" = 'longer text' ]"
echo three >"$m/seen"
is "what is written is the host's at once" "$(<"$f/seen")" three

# --- owners and modes ------------------------------------------------------------------------------------
mkdir "$m/theirs" && chown 1000:1000 "$m/theirs" && chmod 700 "$m/theirs"
as 1000 sh -c "cd $m/theirs && umask 077 && echo x >own && mkdir sub && ln -s x link && mkfifo pipe && chmod 751 sub"
is "what a user makes is the user's" "$(cd "$f/theirs" && stat -c '%n %u:%g %a' link own pipe sub | xargs)" \
    "link 1000:1000 777 own 1000:1000 600 pipe 1000:1000 600 sub 1000:1000 751"
check "others are kept out" eval "! as 1001 ls $m/theirs 2>/dev/null"
check "a user cannot give files away" eval "! as 1000 chown 1001 $m/theirs/own 2>/dev/null"
chmod 2775 "$m/theirs" && chgrp 77 "$m/theirs" && chmod g+s "$m/theirs"
as 1000 touch "$m/theirs/grouped"
is "a folder's group is inherited" "$(stat -c %g "$f/theirs/grouped")" 77
mkdir "$m/sticky" && chmod 1777 "$m/sticky" && as 1000 touch "$m/sticky/a"
check "the sticky bit keeps others from removing" eval "! as 1001 rm -f $m/sticky/a 2>/dev/null"
check "and lets the owner" as 1000 rm "$m/sticky/a"
as 1000 touch "$m/sticky/b"
check "and root" rm "$m/sticky/b"
echo x >"$m/program"
capture chmod 4755 "$m/program"
is "a set-user-id file of root's is refused" "$STATUS $(stat -c %a "$f/program")" "1 644"
capture chmod 2755 "$m/program"
is "and one of root's group" "$STATUS $(stat -c %a "$f/program")" "1 644"
echo x >"$m/others" && chgrp 42 "$m/others"
capture chmod 2755 "$m/others"
is "and one of another group, such as shadow" "$STATUS $(stat -c '%g %a' "$f/others")" "1 42 644"
chown 1000 "$m/others"
capture chmod 4755 "$m/others"
is "and another user's" "$STATUS $(stat -c '%u %a' "$f/others")" "1 1000 644"
chmod 4755 "$f/program"
echo y >>"$m/program"
is "writing to one of the host's takes the bit away" "$(stat -c %a "$f/program")" 755
chown 1000 "$f/program" && chmod 4755 "$f/program" && chown 0 "$m/program"
is "so does a new owner" "$(stat -c '%u %a' "$f/program")" "0 755"
made() { # MODE: with it as a new file's mode
    setpriv --regid 1000 --clear-groups python3 -c 'import os, sys
os.umask(0)
for make in (lambda: os.open(sys.argv[1] + "/made", os.O_CREAT | os.O_WRONLY, int(sys.argv[2], 8)),
             lambda: os.mknod(sys.argv[1] + "/node", 0o100000 | int(sys.argv[2], 8))):
    try:
        make()
    except PermissionError:
        print("refused")' "$m" "$1"
}
is "nor is a new file made so" "$(made 2755; made 4755; find "$f" -maxdepth 1 \( -name made -o -name node \) | wc -l)" "refused
refused
refused
refused
0"
capture mknod "$m/null" c 1 3
is "devices are refused" "$STATUS $(test -e "$f/null" || echo none)" "1 none"
capture setfattr -n security.capability -v 0x0100000200200000000000000000000000000000 "$m/program"
is "file capabilities are refused" "$STATUS $(getcap "$f/program")" "1 "
if setfacl -m u:33:rw "$f/program" 2>/dev/null; then
    is "ACLs pass" "$(getfacl -cpn "$m/program")" "$(getfacl -cpn "$f/program")"
    setfacl -m u:34:r "$m/program"
    is "also to the host" "$(getfacl -cpn "$f/program" | grep 34)" "user:34:r--"
    touch "$m/grouped" && chmod 2644 "$m/grouped" && setfacl -m g::rx "$m/grouped"
    is "an ACL makes no set-group-id program of root's" "$(stat -c '%g %a' "$f/grouped")" "0 654"
    touch "$m/shadowed" && chgrp 42 "$m/shadowed" && chmod 2644 "$m/shadowed" && setfacl -m g::rx "$m/shadowed"
    is "nor one of another group's" "$(stat -c '%g %a' "$f/shadowed")" "42 654"
    mkdir "$m/acl" && setfacl -d -m u:35:rwx "$m/acl" && (umask 077 && touch "$m/acl/new")
    is "a default ACL has no umask" "$(getfacl -cpn "$f/acl/new" | grep 35 | tr -s '\t' ' ')" "user:35:rwx #effective:rw-"
else
    skip "ACLs" "the file system has none"
fi

# --- nothing leads out ---------------------------------------------------------------------------------------
mkdir "$top/out" && echo secret >"$top/out/file" && mkdir "$f/in" && echo inside >"$f/in/file"
ln -s "$top/out" "$f/link"
is "a link is what it says, followed by who asks" "$(readlink "$m/link")" "$top/out"
swap() { # FOLDER: its folder `in`, then a link, in turn, for as long as the file is there
    while [ -e "$top/swap" ]; do
        mv -T "$1/in" "$1/in.away" && ln -s ../out "$1/in"
        rm -f "$1/in" && mv -T "$1/in.away" "$1/in"
    done
} 2>/dev/null
walk_beside() { # FOLDER: walks into the share while that is swapped
    touch "$top/swap"
    swap "$1" &
    swapper=$!
    capture build/share/walk "$m/in" file 5
    rm "$top/swap"
    wait "$swapper"
}
walk_beside "$f"
like "a folder that the host swaps for a link leads nowhere ($STDOUT)" "$STATUS/$STDERR" "0/"
walk_beside "$m"
like "nor one that the guest swaps ($STDOUT)" "$STATUS/$STDERR" "0/"
is "and nothing outside has changed" "$(ls "$top/out") $(<"$top/out/file")" "file secret"
mv "$f" "$f.away" && ln -s out "$f"
is "a shared folder that is renamed stays the one that is served, whatever takes its name" \
    "$(<"$m/in/file") $(test -e "$m/file" || echo no secret) $(echo new >"$m/in/new" && cat "$f.away/in/new") $(ls "$top/out")" \
    "inside no secret new file"
rm "$f" && mv "$f.away" "$f" && rm "$f/in/new"

# --- the end, and other kinds of shares ---------------------------------------------------------------------
stop
is "unmounting ends server and relay, without a word" "$(<"$top/err")" ""

serve "$f" ro
capture touch "$m/x"
is "a share to read: no writing" "$STATUS" 1
is "but reading" "$(<"$m/seen")" three
is "and its server can read alone" "$(status_of CapEff)" "$(printf %016x 4)"
stop

wrap=(prlimit --nofile=512:512)
serve
wrap=()
cat >"$top/opens.py" <<'END'
import errno, os, sys
opened = []
try:
    while len(opened) < 1000:
        opened.append(os.open(sys.argv[1], os.O_RDONLY))
    print("no bound")
except OSError as e:
    print(errno.errorcode[e.errno], 100 <= len(opened) <= 112)
for fd in opened:
    os.close(fd)
END
is "a guest that opens files without end gets ENFILE" "$(python3 "$top/opens.py" "$m/seen")" "ENFILE True"
check "and can open others once they are closed" wait_until 10 cmp -s "$m/seen" "$f/seen"
mkdir "$f/crowd" && (cd "$f/crowd" && seq 2000 | xargs touch)
is "a guest may look at more files than the server may keep open" \
    "$(find "$m/crowd" -type f -newermt 2000-01-01 2>&1 | wc -l)" 2000
check "and make more" eval "(cd $m/crowd && seq 3000 4000 | xargs touch && seq 5000 5500 | xargs mkdir)"
is "which are there" "$(find "$f/crowd" -mindepth 1 | wc -l)" 3502
rm -r "$m/crowd"
stop

mkdir "$top/small"
mount -t tmpfs -o size=1M,mode=755 small "$top/small"
serve "$top/small"
capture dd if=/dev/zero of="$m/big" bs=64k count=64 status=none
like "a host's disk that is full" "$STATUS/$STDERR" "1/*No space left on device*"
check "takes what fits once there is room again" eval "rm $m/big && echo fits >$m/little && grep -qx fits $top/small/little"
stop
umount "$top/small"

echo single >"$f/one"
: >"$top/target"
rmdir "$m" && : >"$m"
serve "$f/one"
is "a single file" "$(<"$m")" single
echo changed >"$m"
is "written" "$(<"$f/one")" changed
stop
rm "$m" && mkdir "$m"

# --- a server that dies, and the next --------------------------------------------------------------------------
serve
mkdir "$m/there"
echo old >"$m/opened" && echo kept >"$f/there/file" && echo other >"$f/other"
exec 5<>"$m/opened"
mkfifo "$top/go"
(cd "$m/there" && read -r <"$top/go" && { cat file 2>&1 || cd "$m/there"; } && cat file) >"$top/inside" &
inside=$!
exec 6>"$top/go" # which that process has opened now: it is there
kill -STOP "$KEEPER" # it starts no other yet
kill -9 "$SERVER"
capture timeout 10 cat "$m/other"
is "with the server killed, an error at once" "$STATUS" 1
like "which is that of the mount" "$STDERR" "*not connected*"
capture timeout 10 bash -c 'echo x >&5'
is "also of an open file" "$STATUS" 1
kill -CONT "$KEEPER"
serves() { [ "$(cat "$m/other" 2>/dev/null)" = other ]; }
check "then another serves" wait_until 20 serves
is "as one line says" "$(<"$top/err")" \
    "ctr-jailer: the server of the share $f was killed by signal 9: the guest gets another, but loses the files that it has open there"
for i in {1..50}; do echo "$i" >"$m/there/$i"; done # they get the numbers that others had
capture bash -c 'echo x >&5'
like "an open file stays lost" "$STATUS $STDERR" "*Stale file handle*"
is "and no other is written instead" "$(cat "$f/opened" "$f/other" "$f"/there/{1..50} | sort -n | xargs)" "old other $(echo {1..50})"
exec 5>&-
is "but can be opened again" "$(cat "$m/opened" && echo new >"$m/opened" && cat "$f/opened")" $'old\nnew'
echo >&6
exec 6>&-
wait "$inside"
like "a process that is there must change to the folder again" "$(<"$top/inside")" "*Stale file handle"$'\n'kept
was=$SERVER
server "$was" && kill -9 "$SERVER" && was=$SERVER
check "and once more" wait_until 20 eval 'server "$was" && serves'
check "names and attributes are the folder's" diff <(list "$f") <(list "$m")
stop

# --- a guest's process that speaks for itself ------------------------------------------------------------------
cat >"$top/speak.py" <<'END'
import os, socket, struct, subprocess, sys
folder = os.open(sys.argv[2], os.O_PATH)
ours, theirs = socket.socketpair()
server = subprocess.Popen([sys.argv[1], "serve", str(folder), str(theirs.fileno()), "name"], pass_fds=(folder, theirs.fileno()))
guest = []
for _ in range(4):
    near, far = socket.socketpair()
    socket.send_fds(ours, [b"x"], [far.fileno()])
    far.close()
    guest.append(near)
def message(opcode, unique, node, body=b""):
    return struct.pack("<IIQQIIIHH", 40 + len(body), opcode, unique, node, 0, 0, 0, 0, 0) + body
def reply():
    length, error, unique = struct.unpack("<IiQ", guest[0].recv(16, socket.MSG_WAITALL))
    return error, unique, guest[0].recv(length - 16, socket.MSG_WAITALL)
FORGET, GETATTR, INIT, KILLPRIV_V2 = 2, 3, 26, 1 << 28
def early():
    ours.close()
    guest[1].sendall(message(GETATTR, 1, 1, bytes(16)))
    return server.wait(10)
def several():  # at once, and cut in a header
    guest[0].sendall(message(INIT, 1, 0, struct.pack("<IIII48x", 7, 38, 1 << 20, KILLPRIV_V2)))
    flags = struct.unpack("<IIII", reply()[2][:16])[3]
    print("kills privileges" if flags & KILLPRIV_V2 else "asks for attributes before each write")
    sent = b"".join(message(FORGET, n, 99, bytes(8)) for n in range(3)) + message(GETATTR, 7, 1, bytes(16))
    guest[0].sendall(sent[:70])
    guest[0].sendall(sent[70:])
    print("reply", reply()[:2])
    return 0
try:
    sys.exit({"early": early, "several": several}[sys.argv[3]]())
finally:
    server.kill()
END
capture python3 "$top/speak.py" build/bin/share "$f" early
is "a message out of turn ends its server at once" "$STATUS/$STDERR" \
    "0/ctr-jailer: the guest has sent an invalid FUSE message
ctr-jailer: the server of the share name failed: the guest gets another, but loses the files that it has open there"
capture python3 "$top/speak.py" build/bin/share "$f" several
is "a kernel need not ask for capabilities before each write; messages may come together" "$STATUS/$STDOUT/$STDERR" \
    "0/kills privileges
reply (0, 7)/"
done_testing
