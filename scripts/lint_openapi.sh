#!/bin/sh
# Holds the OpenAPI documents to .spectral.yaml. The linter comes from npm's registry: where it cannot be had, that is said and is no failure.
set -eu
cd "$(dirname "$0")/.."

linter=@stoplight/spectral-cli@6.16.3
folder=.run/openapi

# Where there is no network, npm would try for minutes.
export npm_config_fetch_retries=0 npm_config_fetch_timeout=60000

.venv/bin/python -m scripts.openapi_documents "$folder"
if ! npx --yes "$linter" --version >/dev/null 2>&1; then
    echo "Not linted: $linter cannot be had here, by npx"
    exit
fi
npx --yes "$linter" lint --ruleset .spectral.yaml --fail-severity hint "$folder"/*.json
