#!/bin/bash
# Programs that people run on a share: git, SQLite, tar, each compared with the folder below.  On this machine's own
# kernel, as native.t.
#: timeout 1200
set -euo pipefail
. tests/share/mount.bash
serve

# --- git: a tree of 5,000 files ------------------------------------------------------------------------------
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@a
export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@a
git init -q "$top/origin"
python3 - "$top/origin" <<'END'
import os, sys
for i in range(5000):
    folder = f"{sys.argv[1]}/d{i % 50}/e{i % 7}"
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/f{i}", "w") as out:
        out.write(f"content {i}\n" * (i % 30))
END
git -C "$top/origin" add . && git -C "$top/origin" commit -qm all
check "git clones 5,000 files onto a share" git clone -q --no-hardlinks "$top/origin" "$m/clone"
is "git status finds all of them unchanged" "$(git -C "$m/clone" status --porcelain)" ""
echo more >>"$m/clone/d0/e0/f0"
rm "$m/clone/d1/e1/f1"
is "and what has changed" "$(git -C "$m/clone" status --porcelain | xargs)" "M d0/e0/f0 D d1/e1/f1"
check "git commits, and checks its objects" eval "git -C $m/clone commit -qam change && git -C $m/clone fsck --strict"
check "git gc" git -C "$m/clone" gc -q
check "what the folder has is that repository" eval "git -C $f/clone -c safe.directory='*' fsck --strict && [ -z \"\$(git -C $f/clone -c safe.directory='*' status --porcelain)\" ]"

# --- SQLite: WAL, which maps its index shared, with two writers and a reader ----------------------------------
cat >"$top/wal.py" <<'END'
import sqlite3, subprocess, sys
def connect():
    c = sqlite3.connect(sys.argv[1], timeout=300, isolation_level=None)
    assert c.execute("pragma journal_mode=wal").fetchone()[0] == "wal"
    return c
if len(sys.argv) > 2:
    c = connect()
    for i in range(200):
        c.execute("insert into t values (?, ?)", (sys.argv[2], i))
    sys.exit(0)
c = connect()
c.execute("create table t (who, n)")
writers = [subprocess.Popen([sys.executable, sys.argv[0], sys.argv[1], who]) for who in "ab"]
while any(w.poll() is None for w in writers):
    for who in "ab":  # a reader sees each writer's rows in order, without holes
        count, most = c.execute("select count(*), max(n) from t where who = ?", (who,)).fetchone()
        assert count == (0 if most is None else most + 1), (who, count, most)
assert [w.wait() for w in writers] == [0, 0]
print(c.execute("select count(*) from t").fetchone()[0], c.execute("pragma integrity_check").fetchone()[0])
END
capture python3 "$top/wal.py" "$m/db"
is "SQLite's WAL with two writers and a reader" "$STATUS/$STDOUT/$STDERR" "0/400 ok/"
is "the database is whole in the folder" "$(python3 -c 'import sqlite3, sys
c = sqlite3.connect(sys.argv[1])
print(c.execute("select count(*) from t").fetchone()[0], c.execute("pragma integrity_check").fetchone()[0])' "$f/db")" "400 ok"

# --- tar ----------------------------------------------------------------------------------------------------
mkdir "$m/unpacked"
check "tar unpacks 5,000 files onto a share" eval "tar -C $top/origin -cf - --exclude .git . | tar -C $m/unpacked -xpf -"
check "what it packs again is the same" cmp <(tar -C "$top/origin" --sort=name --exclude .git -cf - .) \
    <(tar -C "$m/unpacked" --sort=name -cf - .)
check "rm -r removes all of it" eval "rm -r $m/unpacked $m/clone && [ ! -e $f/unpacked ] && [ ! -e $f/clone ]"
is "nobody said a word" "$(<"$top/err")" ""
done_testing
