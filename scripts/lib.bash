# Sourced by the scripts beside it: where things are, how to speak, how to start and stop.
# shellcheck shell=bash
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
MADE=$ROOT/.make # all that these scripts make, but for the build itself

say() { printf '%s\n' "$*" >&2; }
step() { printf '\n== %s\n' "$*" >&2; }
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }
is_root() { [ "$(id -u)" = 0 ]; }

# Sets PG to the folder of PostgreSQL's programs, ready to run.
find_postgres() {
    PG=$("$ROOT/scripts/find-postgres") || die "found no PostgreSQL server >= 14; run scripts/provide postgres"
    # Unpacked packages (scripts/provide without root) bring their libraries along.
    if [[ $PG == "$MADE"/* ]]; then
        LD_LIBRARY_PATH=$(find "$MADE/root" -name 'lib*.so.*' -printf '%h\n' | sort -u | paste -sd:)
        export LD_LIBRARY_PATH
    fi
}

# Puts a Node that is new enough before all others; false where there is none.
find_node() {
    local enough='process.exit(process.versions.node.split(".").map(Number).reduce((v, n) => v * 1000 + n) < 20019000 ? 1 : 0)'
    if has node && has npm && node -e "$enough" 2>/dev/null; then return; fi
    [ -x "$MADE/node/of-wheel/npm" ] || return 1
    export PATH=$MADE/node/of-wheel:$PATH
}

# Prints the browser that the console is walked in; false where there is none.
find_browser() { command -v chromium || command -v chromium-browser || command -v google-chrome; }

# A port on loopback where nothing listens now. Below the ephemeral range, so that no
# outgoing connection takes it between this look and the server's start.
free_port() {
    local port tries
    for ((tries = 0; tries < 100; tries++)); do
        port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            printf '%s\n' "$port"
            return
        fi
    done
    die "found no free port on 127.0.0.1 in $tries tries"
}

# answers PORT: whether an HTTP server there answers at all.
answers() {
    local line=
    {
        exec 3<>"/dev/tcp/127.0.0.1/$1" || return 1
        printf 'GET / HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' >&3
        IFS= read -r -t 5 line <&3 || true
        exec 3>&-
    } 2>/dev/null
    case $line in HTTP/*) return 0 ;; *) return 1 ;; esac
}

# emulator_start DIR NAME VARIABLE COMMAND...: starts a server that speaks HTTP in the
# background and waits until it answers; @PORT@ in COMMAND becomes its port.
# DIR gets `pid`, `log` and `env`, which exports VARIABLE.
emulator_start() {
    local dir=$1 name=$2 variable=$3 port try waited
    shift 3
    mkdir -p "$dir"
    dir=$(cd "$dir" && pwd)
    if runs "$dir/pid"; then
        die "$name already runs in $dir; stop it first"
    fi
    for ((try = 0; try < 5; try++)); do
        port=$(free_port)
        # An empty environment: the user's cloud profiles are nothing to an emulator.
        env -i PATH=/usr/bin:/bin HOME="$dir" TMPDIR="${TMPDIR:-/tmp}" "${@//@PORT@/$port}" \
            </dev/null >"$dir/log" 2>&1 &
        note_pid "$dir/pid" $!
        for ((waited = 0; waited < 300; waited++)); do
            if answers "$port"; then
                printf 'export %s=http://127.0.0.1:%s\n' "$variable" "$port" >"$dir/env"
                return
            fi
            # It ended by itself, most likely because another took the port: try the next.
            runs "$dir/pid" || continue 2
            sleep 0.2
        done
        break
    done
    emulator_stop "$dir"
    tail -n 20 "$dir/log" >&2
    die "$name did not answer within 60 s; its last words are above, all of them in $dir/log"
}

emulator_stop() {
    stop_pid "$1/pid"
    rm -f "$1/env"
}

# certificate_for DIR NAME...: DIR/cert.pem and DIR/key.pem for NAMES, signed by itself.
certificate_for() {
    "$MADE/venv/bin/python" "$ROOT/scripts/certificate.py" "$@" || die "could not make a certificate in $1"
}

# When a process began, in ticks since boot; tells it from a later one with the same id.
began() { sed -E 's/^.*\) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; }

# note_pid FILE PID: remembers a process for `runs` and `stop_pid`.
note_pid() { printf '%s %s\n' "$2" "$(began "$2")" >"$1"; }

# runs FILE: whether the process noted in FILE still runs.
runs() {
    local pid since
    [ -f "$1" ] && read -r pid since <"$1" && kill -0 "$pid" 2>/dev/null && [ "$(began "$pid")" = "$since" ]
}

# stop_pid FILE: ends the process noted in FILE, kindly first, and forgets it.
stop_pid() {
    local pid since waited
    if runs "$1"; then
        read -r pid since <"$1"
        kill "$pid" 2>/dev/null || true
        for ((waited = 0; waited < 50; waited++)); do
            runs "$1" || break
            sleep 0.1
        done
        if runs "$1"; then kill -KILL "$pid" 2>/dev/null || true; fi
    fi
    rm -f "$1"
}
