#!/bin/sh
# Runs every test: first those that can stand beside one another, in as many lanes as the machine has processors, each lane with servers of
# its own; then, one at a time, those that run a whole hospital and measure the time it takes. With arguments it runs what they say, in one lane.
set -u
cd "$(dirname "$0")/.."

pytest="${PYTHON:-.venv/bin/python} -m pytest"
alone="tests/chaos tests/drill tests/e2e"

if [ $# -gt 0 ]; then
    exec $pytest "$@"
fi

ignored=
for folder in $alone; do
    ignored="$ignored --ignore $folder"
done

status=0
# shellcheck disable=SC2086 # several words are meant
{
    $pytest --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder $ignored || status=$?
    $pytest $alone || status=$?
}
exit "$status"
