#!/bin/sh
# Says which of the named tools are missing, where they come from, and whether the cluster answers: need.sh docker kind ...
set -eu

source_of() {
    case $1 in
        docker) echo https://docs.docker.com/engine/install/ ;;
        go) echo https://go.dev/doc/install ;;
        kind) echo https://kind.sigs.k8s.io/docs/user/quick-start/ ;;
        kubectl) echo https://kubernetes.io/docs/tasks/tools/ ;;
        helm) echo https://helm.sh/docs/intro/install/ ;;
        skaffold) echo https://skaffold.dev/docs/install/ ;;
    esac
}

missing=
for tool in "$@"; do
    case $tool in
        cluster)
            kubectl get --raw /readyz >/dev/null 2>&1 || {
                echo "No Kubernetes cluster answers under kubectl's current context: make kind-up makes one." >&2
                missing=yes
            } ;;
        *)
            command -v "$tool" >/dev/null || {
                echo "$tool is missing: $(source_of "$tool")" >&2
                missing=yes
            } ;;
    esac
done
[ -z "$missing" ]
