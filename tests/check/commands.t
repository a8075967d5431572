#!/bin/bash
# ctr-jailer's commands, which all come from one table: their help, what a slip is told, and the completion of bash, zsh
# and fish, by these shells themselves.
set -euo pipefail
. tests/lib/tap.sh
export PATH=$PWD/build/bin:$PATH
mapfile -t commands < <(ctr-jailer --help | sed -n 's/^  \([a-z-]\+\)\b.*/\1/p')
check "there are ${#commands[@]} commands" [ "${#commands[@]}" -gt 15 ]
bad=
for command in "${commands[@]}"; do
    [[ $(ctr-jailer "$command" --help) == "Usage: ctr-jailer [--id ID] $command"* ]] || bad+=" $command"
done
is "each has its help" "$bad" ""
like "there is a version" "$(ctr-jailer --version)" "ctr-jailer [0-9]*"
while IFS=: read -r typed meant; do
    capture ctr-jailer "$typed"
    is "$typed: did you mean $meant?" "$STATUS/$STDOUT/$STDERR" "125//ctr-jailer: unknown command $typed: did you mean $meant?"
done <<'SLIPS'
imgae:image
rn:run
exce:exec
inspct:inspect
stpo:stop
profile-creat:profile-create
SLIPS
is "a slip behind image" "$(ctr-jailer image imprt a b 2>&1)" "ctr-jailer: image: unknown command imprt: did you mean import?"
is "and behind kernel" "$(ctr-jailer kernel verfiy 2>&1)" "ctr-jailer: kernel: unknown command verfiy: did you mean verify?"
is "what is not near" "$(ctr-jailer kernel something 2>&1)" "ctr-jailer: kernel: unknown or incomplete command (ctr-jailer kernel --help lists them)"
capture ctr-jailer something-else
is "what is not near is told, too" "$STATUS/$STDOUT/$STDERR" "125//ctr-jailer: unknown command something-else (ctr-jailer --help lists them)"
capture ctr-jailer completion csh
is "an unknown shell" "$STATUS/$STDOUT/$STDERR" "125//ctr-jailer: completion: usage: completion bash | zsh | fish"

# The manual page, as man and groff read it: they have no warning, and each command is there with its help.
if command -v man >/dev/null; then
    ctr-jailer man >"$TAP_FILE.page"
    check "the manual page is made" test -s "$TAP_FILE.page"
    is "groff has no warning" "$(groff -man -ww -Tascii -rLL=100n -z "$TAP_FILE.page" 2>&1)" ""
    page=$(MANWIDTH=4000 man -l --nh --nj "$TAP_FILE.page" 2>/dev/null | col -b | tr -s ' \n' ' ')
    lost=
    for command in "${commands[@]}"; do
        usage=$(ctr-jailer "$command" --help | sed -n 's/^Usage: ctr-jailer \[--id ID\] //p')
        [[ $page == *"$usage"* ]] || lost+=" $command"
    done
    is "each command's usage is in it" "$lost" ""
else
    skip "the manual page" "no man"
fi
capture ctr-jailer man x
is "it takes no argument" "$STATUS/$STDOUT/$STDERR" "125//ctr-jailer: man: usage: man"

# What bash offers for words, of which the last one is completed.
offered() {
    bash -c 'eval "$(ctr-jailer completion bash)"; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _ctr_jailer; echo "${COMPREPLY[*]}"' bash ctr-jailer "$@"
}
is "bash: commands" "$(offered p)" "pause purge ps profile-create profile-ls profile-inspect profile-rm"
is "bash: also behind an id" "$(offered --id one un)" "unpause"
is "bash: flags" "$(offered run --en)" "--env-file --entrypoint"
is "bash: behind an id, too" "$(offered --id one logs --t)" "--tail"
is "bash: profiles" "$(offered profile-)" "profile-create profile-ls profile-inspect profile-rm"
is "bash: their flags" "$(offered profile-create --bi)" "--binary-firecracker --binary-jailer"
is "bash: words" "$(offered image p)" "pull path prune"
is "bash: nothing is a file's name" "$(offered run /et)" ""
home=$(mktemp -d /tmp/commands.XXXXXX) # fish and zsh write into it
trap 'rm -rf "$home"' EXIT
if command -v zsh >/dev/null; then
    check "zsh takes its script" env HOME="$home" zsh -f -c 'autoload -U compinit && compinit -u -D && eval "$(ctr-jailer completion zsh)" && (( $+functions[_ctr_jailer] ))'
else
    skip "zsh takes its script" "no zsh"
fi
if command -v fish >/dev/null; then
    offered() { HOME=$home fish --no-config -c 'ctr-jailer completion fish | source; complete -C"$argv[1]"' "$1" 2>/dev/null | cut -f 1 | sort | xargs; }
    is "fish: commands" "$(offered 'ctr-jailer pu')" "purge"
    is "fish: flags" "$(offered 'ctr-jailer run --en')" "--entrypoint --env-file"
    is "fish: words" "$(offered 'ctr-jailer image p' | xargs -n 1 | grep -x 'pull\|path\|prune' | xargs)" "path prune pull"
else
    skip "fish takes its script" "no fish"
fi
done_testing
