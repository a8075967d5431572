# shellcheck shell=bash
# For test suites in bash: source it, call the functions, end with done_testing.  A suite that `set -e`
# ends before that prints no plan, which tests/run counts as a failure.
TAP_COUNT=0
# Names of files for what commands print.  No mktemp: in the emulated KVM host a process costs 0.1 s and more.  The
# process id alone will not do: it is 1 in each suite that has a PID namespace of its own.
TAP_FILE=/tmp/.tap.$$.$SRANDOM
# Diagnostics go behind the result's line that they belong to as # lines, but tests/run shows what came
# before a result: so they are printed first.
note() { echo "# ${*//$'\n'/$'\n'# }"; }

pass() { TAP_COUNT=$((TAP_COUNT + 1)); echo "ok $TAP_COUNT - $1"; }
fail() { # name [why]; a suite's `circumstances`, if it has one, are told, too
    [ -z "${2:-}" ] || note "$2"
    ! declare -F circumstances >/dev/null || note "$(circumstances 2>&1)"
    TAP_COUNT=$((TAP_COUNT + 1))
    echo "not ok $TAP_COUNT - $1"
}
skip() { TAP_COUNT=$((TAP_COUNT + 1)); echo "ok $TAP_COUNT - $1 # SKIP $2"; } # name why
skip_all() { echo "1..0 # SKIP $1"; exit 0; }
done_testing() {
    echo "1..$TAP_COUNT"
    rm -f "$TAP_FILE".*
}

is() { # name got wanted
    if [ "$2" == "$3" ]; then pass "$1"; else fail "$1" "got:    $(printf %q "$2")"$'\n'"wanted: $(printf %q "$3")"; fi
}
like() { # name got pattern: a bash pattern that the whole must match
    # shellcheck disable=SC2053 # a pattern is what it is
    if [[ $2 == $3 ]]; then pass "$1"; else fail "$1" "got:    $(printf %q "$2")"$'\n'"wanted: $3"; fi
}
# check name command args...: passes when the command does; its output is the diagnosis.  A function runs in
# this shell, so what it sets stays.
check() {
    local name=$1 status=0
    shift
    "$@" >"$TAP_FILE.check" 2>&1 || status=$?
    if [ "$status" = 0 ]; then pass "$name"; else fail "$name" "$(<"$TAP_FILE.check")"$'\n'"exit status $status: $*"; fi
}

# capture command args...: STATUS, STDOUT and STDERR of a command (text: NULs are lost)
capture() {
    STATUS=0
    STDOUT=$("$@" 2>"$TAP_FILE.capture") || STATUS=$?
    STDERR=$(<"$TAP_FILE.capture")
    export STATUS STDOUT STDERR
}

# wait_until SECONDS command args...: asks until the command succeeds; fails when it never does.  Asking takes CPU time
# from what it waits for, most of all in the emulated KVM host: so not too often, and the pause is no program, but a read
# from a pipe that nobody writes to (opened once, as that sets $!).  SECONDS are those of a quiet machine; four times as
# many tell a busy one from one that hangs, and only a failure takes them.
exec {TAP_SILENCE}<> <(:)
wait_until() {
    local end=$((SECONDS + 4 * $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        read -rt 0.3 -u "$TAP_SILENCE" || true
    done
}
