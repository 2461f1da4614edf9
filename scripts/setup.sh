#!/bin/sh
# Makes the virtual environment from the lock file, then has the launcher get the servers. Whatever is there already is
# left alone, so that the next run takes no time.
set -eu
cd "$(dirname "$0")/.."

lock=requirements-dev.lock
stamp=.venv/installed.lock # a copy of the lock file that the environment was made from
servers=.venv/servers-are-here

say() { echo "$@" >&2; }
fail() { say "Error: $*"; exit 1; }

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$name" >/dev/null && is_new_enough "$name"; then
            command -v "$name"
            return
        fi
    done
    fail "Python 3.11 or newer is needed (Debian 12, Ubuntu 24.04: apt-get install python3; macOS: brew install python)"
}

# Debian splits off the part of Python that makes virtual environments.
ensure_venv_module() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null && return
    package=python$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv
    command -v apt-get >/dev/null || fail "$1 has no module ensurepip: install a complete Python"
    [ "$(id -u)" = 0 ] || fail "Python's venv module is missing. Install it and try again: sudo apt-get install $package"
    say "Installing $package with apt-get"
    log=$(mktemp)
    if ! { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y "$package"; } >"$log" 2>&1; then
        tail -20 "$log" >&2
        fail "apt-get could not install $package"
    fi
    rm -f "$log"
}

make_environment() {
    python=$(find_python)
    ensure_venv_module "$python"
    say "Making the virtual environment .venv with $python"
    "$python" -m venv --clear .venv
}

# Passes on how many packages pip has come to; on a failure also the end of what it said.
show_progress() {
    if [ -t 2 ]; then begin='\r' end='' every=1; else begin='' end='\n' every=20; fi
    awk -v total="$(grep -c '^[a-z].*==' "$lock")" -v begin="$begin" -v end="$end" -v every="$every" '
        { said[NR] = $0 }
        /^Collecting / && ++count % every == 0 { printf "%s  %d of about %d%s", begin, count, total, end; fflush() }
        /^pip failed$/ { failed = 1 }
        END {
            if (every == 1) print ""
            if (failed) for (line = NR > 15 ? NR - 15 : 1; line < NR; line++) print said[line]
            exit failed
        }' >&2
}

install_packages() {
    say "Installing the Python packages of $lock, each checked against its hash"
    {
        .venv/bin/python -m pip install --disable-pip-version-check --progress-bar off --no-deps --require-hashes \
            -r "$lock" 2>&1 || echo "pip failed"
    } | show_progress || fail "the Python packages could not be installed"
    cp "$lock" "$stamp"
}

.venv/bin/python -c 'import pip' 2>/dev/null || make_environment
cmp -s "$lock" "$stamp" || install_packages
if [ ! -e "$servers" ]; then
    say "Looking for the servers"
    .venv/bin/python -m local prepare >&2
    touch "$servers"
fi
