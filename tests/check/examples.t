#!/bin/bash
# Every file of examples/ is read by the tool that it is for.  docker/docker builds Dockerfiles and starts ../compose.
set -euo pipefail
. tests/lib/tap.sh

# Kubernetes' schemas come with a package of PyPI's.
make -s build/kube/bin/kubernetes-validate 2>/dev/null || true
names=$(build/bin/entry --help | sed -n '/^Environment/,/^$/s/^  \([A-Z][A-Z_]*\) .*/\1/p')
settings() { # FILE: NAME=value lines of ctr-jailer@.service
    local unknown
    unknown=$(sed -n 's/^\([A-Za-z_]*\)=.*/\1/p' "$1" | grep -vxE 'IMAGE|FLAGS|COMMAND' | grep -vxF "$names" || true)
    is "$1: each name is an option" "$unknown" ''
    check "$1: ctr-jailer run takes the flags" bash -c '
        grep -q "^IMAGE=." "$0" || exit 1
        read -ra flags <<<"$(sed -n "s/^FLAGS=//p" "$0")"
        for flag in "${flags[@]}"; do
            [[ $flag != -* ]] || build/bin/ctr-jailer run --help | grep -qF -- "[$flag " || { echo "$flag"; exit 1; }
        done' "$1"
}
options() { # of what docker-compose config prints: names that look like options of ours
    sed -n 's/^ *\(\(VM_\|TAP_\|GUEST_\)[A-Z_]*\|[A-Z_]*_MIB\|[A-Z]*FS_SIZE\|VCPU_COUNT\): .*/\1/p'
}
kube() { # FILE
    if [ -x build/kube/bin/kubernetes-validate ]; then
        check "$1 is valid" build/kube/bin/kubernetes-validate --quiet --strict "$1"
    else
        skip "kubernetes-validate $1" 'pip did not get it'
    fi
}

for file in examples/*/*; do
    case $file in
    */README.md) ;;
    */docker-compose.yml)
        capture docker-compose -f "$file" config
        is "$file is valid, and nothing is warned of" "$STATUS $STDERR" '0 '
        is "$file: each option exists" "$(options <<<"$STDOUT" | grep -vxF "$names" || true)" ''
        ;;
    */Dockerfile) check "$file has the runtime image last" \
        bash -c '[[ $(grep ^FROM "$0" | tail -n 1) == "FROM ctr-jailer AS runtime" ]]' "$file" ;;
    *.json | *.conflist) check "$file is JSON" jq -e . "$file" ;;
    *.yaml) kube "$file" ;;
    *.conf) settings "$file" ;;
    */dockerfile/hello | */secrets/password.txt) ;; # are used by the files beside them
    *) fail "$file" 'no suite knows what to do with it' ;;
    esac
done
if [ -x build/kube/bin/kubernetes-validate ]; then
    check 'a fault is found' bash -c '! sed "s/containerPort: 80/containerPort: eighty/" examples/kubernetes/web.yaml |
        build/kube/bin/kubernetes-validate --quiet --strict /dev/stdin'
fi
is 'each has its README' "$(for folder in examples/*/; do [ -e "$folder/README.md" ] || echo "$folder"; done)" ''
is 'which examples/README.md leads to' "$(sed -n 's/^| \[.*\](\(.*\)\/README.md) .*/\1/p' examples/README.md | sort | xargs)" \
    "$(cd examples && ls -d -- */ | tr -d / | sort | xargs)"
is 'the configuration for Docker is that of docs/oci.md' "$(jq -S . examples/oci-runtime/daemon.json)" \
    "$(sed -n '/^```json/,/^```/{/^```/d;p}' docs/oci.md | head -n 1 | jq -S .)"
is 'the network for CNI is that of docs/cni.md' "$(cat examples/cni/10-vms.conflist)" \
    "$(sed -n '/10-vms.conflist <<.END.$/,/^END$/p' docs/cni.md | sed '1d;$d')"
is 'the Dockerfile for Compose is that of the README' "$(cat examples/compose/Dockerfile)" \
    "$(sed -n '/^```dockerfile/,/^```/{/^```/d;p}' README.md | sed '/^CMD/q')"
is "balena's is the same" "$(cat examples/balena/Dockerfile)" "$(cat examples/compose/Dockerfile)"
done_testing
