#!/bin/sh
# Runs every check to its end, whatever the others say, and names at the end those that fail. With names it runs those only:
# check.sh types imports.
set -u
cd "$(dirname "$0")/.."

wanted=" $* "
failed=
known=' '
check() {
    name=$1
    shift
    known="$known$name "
    case $wanted in
        '  ' | *" $name "*) ;;
        *) return ;;
    esac
    echo "$name"
    "$@" || failed="$failed${failed:+, }$name"
}

check format .venv/bin/ruff format --check .
check style .venv/bin/ruff check .
check types .venv/bin/mypy .
check imports env PYTHONPATH=relay .venv/bin/lint-imports
check licences .venv/bin/pip-licenses --output-file=/dev/null
check contracts .venv/bin/python -m contracts --check
check services .venv/bin/python -m scripts.known_services --check
check metrics .venv/bin/python -m scripts.metrics_page --check
check dashboards .venv/bin/python -m dashboards --check
check alerts .venv/bin/python -m alerts --check

for name in "$@"; do
    case $known in
        *" $name "*) ;;
        *) echo "There is no check $name; there are$known" >&2; exit 2 ;;
    esac
done
if [ -n "$failed" ]; then
    echo "What fails: $failed. \`make format\` mends the format and what of the style mends itself." >&2
    exit 1
fi
