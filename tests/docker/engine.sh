# shellcheck shell=bash
# A Docker engine of the tests' own, apart from any that the machine runs; sourced by the suites.
# Debian's docker and dockerd go first: a client of another origin may want parts that are not here.
PATH=/usr/sbin:/usr/bin:$PATH
export DOCKER_BUILDKIT=0 # the builder that every engine has

# start_engine DATA [flags...]: dockerd with DATA as its store; its sockets get a short path of their own,
# as a socket's path may have 107 bytes.  Sets DOCKER_HOST; stop_engine ends it.  containerd is started apart: dockerd
# gives one of its own 15 seconds, which is not enough on a busy emulated machine.
start_engine() {
    local data=$1
    shift
    ENGINE_DIR=$(mktemp -d /run/engine.XXXXXX)
    mkdir -p "$data"
    export DOCKER_HOST=unix://$ENGINE_DIR/socket
    echo 'disabled_plugins = ["io.containerd.grpc.v1.cri"]' >"$ENGINE_DIR/containerd.toml"
    containerd --config "$ENGINE_DIR/containerd.toml" --root "$data/containerd/daemon" --state "$ENGINE_DIR/containerd" \
        --address "$ENGINE_DIR/containerd.sock" >"$ENGINE_DIR/containerd.log" 2>&1 &
    CONTAINERD=$!
    if ! wait_until 100 test -S "$ENGINE_DIR/containerd.sock"; then
        tail -n 20 "$ENGINE_DIR/containerd.log"
        return 1
    fi
    dockerd --containerd "$ENGINE_DIR/containerd.sock" --data-root "$data" --exec-root "$ENGINE_DIR/exec" \
        --pidfile "$ENGINE_DIR/pid" --host "$DOCKER_HOST" --storage-driver overlay2 "$@" >"$ENGINE_DIR/log" 2>&1 &
    ENGINE=$!
    if ! wait_until 200 engine_answers; then
        tail -n 20 "$ENGINE_DIR/log"
        return 1
    fi
}

engine_answers() {
    [ -S "$ENGINE_DIR/socket" ] && docker version >/dev/null 2>&1
}

stop_engine() {
    local pid
    [ -n "${CONTAINERD:-}" ] || return 0
    for pid in ${ENGINE:+"$ENGINE"} "$CONTAINERD"; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    ENGINE='' CONTAINERD=''
    umount "$ENGINE_DIR/exec/netns/default" 2>/dev/null || true # left by containers on the host's network
    rm -rf "$ENGINE_DIR"
}

circumstances() { # in which a test has failed: what the containers and the engine say
    local id
    [ -n "${ENGINE_DIR:-}" ] || return 0
    for id in $(docker ps -aq); do docker logs --tail 12 "$id" 2>&1; done
    tail -n 5 "$ENGINE_DIR/log"
}
