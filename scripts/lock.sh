#!/bin/sh
# Resolves pyproject.toml into the lock files, with hashes and for every platform. Our own distribution is left out: a checkout
# imports it, and an image copies it.
set -eu
cd "$(dirname "$0")/.."

command -v uv >/dev/null || {
    echo "make lock needs uv: https://docs.astral.sh/uv/getting-started/installation/" >&2
    exit 1
}

lock() {
    echo "Writing $1"
    output=$1
    shift
    uv pip compile --quiet --upgrade --universal --generate-hashes --no-emit-index-url --no-annotate --no-header \
        --no-emit-package infirmary-streams --python-version 3.11 "$@" pyproject.toml -o "$output"
}

# The hospital has services with each extra; their images differ in their code only.
hospital="--extra http --extra mongo"
# shellcheck disable=SC2086 # several words are meant
{
    lock requirements.lock $hospital
    lock requirements-trace.lock $hospital --extra trace
    lock requirements-day.lock $hospital --group day
    lock requirements-dev.lock $hospital --extra trace --group day --group local --group dev
}
