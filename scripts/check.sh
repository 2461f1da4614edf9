#!/bin/sh
# Runs every check to its end, whatever the others say, and names at the end those that fail.
set -u
cd "$(dirname "$0")/.."

failed=
check() {
    name=$1
    shift
    echo "$name"
    "$@" || failed="$failed${failed:+, }$name"
}

check Format .venv/bin/ruff format --check .
check Style .venv/bin/ruff check .
check Types .venv/bin/mypy .
check Imports .venv/bin/lint-imports
check Contracts .venv/bin/python -m services contracts --check
check Metrics .venv/bin/python -m scripts.metrics_page --check
check Dashboards .venv/bin/python -m dashboards --check
check Alerts .venv/bin/python -m alerts --check

if [ -n "$failed" ]; then
    echo "What fails: $failed. \`make format\` mends the format and what of the style mends itself." >&2
    exit 1
fi
