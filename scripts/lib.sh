# shellcheck shell=bash
# Where things are, for every script here. Sourced, never run.

# shellcheck disable=SC2034  # used by the scripts that source this
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
VM=$ROOT/.vm # everything that setup fetches; removing it undoes the setup
PATH=$VM/tools/bin:$PATH:/usr/local/sbin:/usr/sbin:/sbin

# What is happening, in one line.
note() { printf '\n== %s\n' "$*" >&2; }

# Ends the script with one line.
die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# Runs a command and ends it with this script: a shell that is ended leaves what it waits for running.
passing_signals() {
    local status=0 child
    "$@" &
    child=$!
    trap 'kill -TERM "$child" 2>/dev/null; wait "$child"; exit 143' TERM HUP INT
    wait "$child" || status=$?
    trap - TERM HUP INT
    return "$status"
}

# Runs a command as root, if it must through sudo.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "must be root for: $*; install sudo, or run this as root"
    fi
}

# The directory of the unpacked kernel's modules (its last part is the kernel's version).
kernel_modules() {
    local dir
    for dir in "$VM"/kernel/lib/modules/* "$VM"/kernel/usr/lib/modules/*; do
        [ -d "$dir" ] && echo "$dir" && return
    done
    die "no kernel under $VM/kernel; run scripts/setup"
}

# Installs a cargo tool under .vm/, unless it is there. Without optimisation: each runs for seconds here, and
# cargo-deny builds in one minute instead of six.
cargo_tool() { # NAME VERSION
    [ "$("$VM/tools/bin/$1" --version 2>/dev/null)" = "$1 $2" ] && return
    note "building $1 $2"
    CARGO_PROFILE_DEV_DEBUG=0 CARGO_TARGET_DIR=$VM/tools/target \
        cargo install --quiet --locked --debug --force --root "$VM/tools" --version "$2" "$1"
    rm -rf "$VM/tools/target"
}
