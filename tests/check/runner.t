#!/bin/bash
# tests/run itself: every way in which a suite can go wrong is counted as a failure.
set -euo pipefail
. tests/lib/tap.sh
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/x"

suite() { # name: its text is on stdin
    { echo '#!/bin/bash'; cat; } >"$folder/x/$1.t"
    chmod +x "$folder/x/$1.t"
}
run() { capture env "${@:2}" tests/run --suites "$folder" "x/$1"; }
last() { tail -n 1 <<<"$STDOUT"; }

suite good <<<'echo "ok 1 - a"; echo "ok - b"; echo 1..2'
run good
is 'a good suite' "$(last) $STATUS" '2 passed, 0 failed, 0 skipped 0'

suite bad <<<'echo 1..2; echo "# reason"; echo "not ok 1 - a"; echo "ok 2 - b"; exit 1'
run bad
is 'a failed test' "$(last) $STATUS" '1 passed, 1 failed, 0 skipped 1'
like 'a failed test is named, with what was said before it' "$STDOUT" $'*FAIL  x/bad: a\n      | # reason\n*'

suite early <<<'echo 1..3; echo "ok 1 - a"'
run early
is 'a suite that runs less than planned' "$(last) $STATUS" '1 passed, 1 failed, 0 skipped 1'

suite unplanned <<<'echo "ok 1 - a"'
run unplanned
is 'a suite without a plan' "$(last) $STATUS" '1 passed, 1 failed, 0 skipped 1'

suite crashed <<<'echo 1..1; echo "ok 1 - a"; kill -SEGV $$'
run crashed
is 'a suite that crashes behind its last test' "$(last) $STATUS" '1 passed, 1 failed, 0 skipped 1'

suite unstartable <<<'echo 1..1; echo "ok 1 - a"'
chmod -x "$folder/x/unstartable.t"
run unstartable
is 'a suite that cannot be started' "$(last) $STATUS" '0 passed, 1 failed, 0 skipped 1'

suite empty <<<'true'
run empty
is 'a suite that says nothing' "$(last) $STATUS" '0 passed, 1 failed, 0 skipped 1'

suite set-e <<<'set -e; . tests/lib/tap.sh; pass a; false; done_testing'
run set-e
is 'a suite that set -e ended' "$(last) $STATUS" '1 passed, 1 failed, 0 skipped 1'

suite slow <<<'#: timeout 1
echo "ok 1 - a"; sleep 100; echo 1..1'
run slow TESTS_GRACE=0
is 'a suite that hangs' "$(last) $STATUS" '1 passed, 1 failed, 0 skipped 1'
like 'a suite that hangs is called so' "$STDOUT" '*not done after 1 s*'

suite skips <<<'echo 1..2; echo "ok 1 - a"; echo "ok 2 - b # SKIP no such device"'
run skips CI=false
is 'a skipped test' "$(last) $STATUS" '1 passed, 0 failed, 1 skipped 0'
echo 'x/skips: b' >"$folder/must-run"
run skips CI=false
is 'a skipped must-run test, outside of CI' "$(last) $STATUS" '1 passed, 0 failed, 1 skipped 0'
run skips CI=true
is 'a skipped must-run test in CI' "$(last) $STATUS" '1 passed, 1 failed, 0 skipped 1'
printf '%s\n' '*' '!x/skips: *' >"$folder/must-run"
run skips CI=true
is 'a test excepted from must-run' "$(last) $STATUS" '1 passed, 0 failed, 1 skipped 0'

suite skip-all <<<'. tests/lib/tap.sh; skip_all "not here"'
run skip-all CI=true
is 'a skipped must-run suite in CI' "$(last) $STATUS" '0 passed, 1 failed, 0 skipped 1'

# A suite for both kernels runs once more where ours is built.
# shellcheck disable=SC2016 # for the suite
suite kernels <<<'#: kernels both
echo "ok 1 - $E2E_KERNEL"; echo 1..1'
run 'kernels*'
if [ -e build/kernel-microvm-x86_64/vmlinux ]; then
    is 'a suite for both kernels' "$(grep ^ok <<<"$STDOUT" | sort)" \
        $'ok    x/kernels: microvm\nok    x/kernels@debian: debian'
else
    is 'a suite for both kernels' "$(grep ^ok <<<"$STDOUT")" 'ok    x/kernels: microvm'
fi

# Suites that start other container engines run by name, or when they are asked for.
mkdir "$folder/engines" "$folder/engines/x"
for name in plain docker; do
    printf '%s\n' '#!/bin/bash' "$([ $name = plain ] || echo '#: engine')" 'echo "ok 1 - it"; echo 1..1' >"$folder/engines/x/$name.t"
    chmod +x "$folder/engines/x/$name.t"
done
ran() { tests/run --suites "$folder/engines" "$@" | grep -v ^-- | sort; }
is 'without a name: no engines, and it is said' "$(ran)" $'1 passed, 0 failed, 0 skipped
left out, as they start other container engines (make test-engines): x/docker\nok    x/plain: it'
is 'engines only' "$(ran --engines only)" $'1 passed, 0 failed, 0 skipped\nok    x/docker: it'
is 'engines also' "$(ran --engines also)" $'2 passed, 0 failed, 0 skipped\nok    x/docker: it\nok    x/plain: it'
is 'engines by name' "$(ran x)" $'2 passed, 0 failed, 0 skipped\nok    x/docker: it\nok    x/plain: it'

# cmocka's way of saying it
suite cmocka <<<'echo 1..2; echo "ok 1 - a"; echo "not ok 2 # SKIP b"; echo 1..1; echo "ok 1 - c"'
run cmocka CI=false
is 'groups and skips of cmocka' "$(last) $STATUS" '2 passed, 0 failed, 1 skipped 0'

# Ended twice, as timeout(1) does; the suite takes its time, so that the second comes while the first is handled.
# shellcheck disable=SC2016 # for the suite
suite endless <<<'trap "sleep 1; : >\"\$UNDONE\"; exit" TERM; : >"$BEGUN"; while :; do sleep 0.1; done'
BEGUN=$folder/begun UNDONE=$folder/undone tests/run --suites "$folder" x/endless >/dev/null 2>&1 &
runner=$! status=0
check 'a suite that goes on for ever' wait_until 20 test -e "$folder/begun"
kill -TERM $runner
kill -TERM $runner 2>/dev/null || true
wait $runner || status=$?
is 'the runner ends by the signal, even if it comes twice' "$status" 143
check 'and the suite has undone what it had to' test -e "$folder/undone"

run nothing-of-that-name
is 'a name that no suite has' "$STATUS" 1
done_testing
