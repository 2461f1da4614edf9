#!/bin/sh
# Builds one image of the Dockerfile for skaffold, which says under which name: build.sh relay, build.sh service patient.
# skaffold's own builder knows no targets: it would take every folder that the Dockerfile names for a part of every image, and
# a changed line of one service would build and deploy all of them.
set -eu
target=$1 service=${2:-}

# Without a value, docker takes the variables that there are from the environment: docs/kubernetes.md, behind a proxy.
DOCKER_BUILDKIT=1 docker build --target "$target" --build-arg SERVICE="$service" \
    --build-arg PIP_INDEX_URL --build-arg CA_CERTIFICATE --tag "$IMAGE" "$BUILD_CONTEXT"
[ "$PUSH_IMAGE" != true ] || docker push "$IMAGE"
