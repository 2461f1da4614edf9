#!/bin/sh
# Puts kind, kubectl, helm and skaffold, in the versions that CI uses, into a folder: tools.sh <folder>. For Linux on amd64.
# Each is checked against its sum; to take another version, change both.
set -eu
folder=$1
mkdir -p "$folder"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

kind=v0.30.0
kubectl=v1.34.1
helm=v3.19.0
skaffold=v2.16.1

get() {
    curl --fail --silent --show-error --location --retry 5 --output "$scratch/$1" "$2"
}
check() {
    echo "$2  $scratch/$1" | sha256sum --check --quiet
}

get kind "https://github.com/kubernetes-sigs/kind/releases/download/$kind/kind-linux-amd64"
check kind 517ab7fc89ddeed5fa65abf71530d90648d9638ef0c4cde22c2c11f8097b8889
get kubectl "https://dl.k8s.io/release/$kubectl/bin/linux/amd64/kubectl"
check kubectl 7721f265e18709862655affba5343e85e1980639395d5754473dafaadcaa69e3
get helm.tar.gz "https://get.helm.sh/helm-$helm-linux-amd64.tar.gz"
check helm.tar.gz a7f81ce08007091b86d8bd696eb4d86b8d0f2e1b9f6c714be62f82f96a594496
tar --extract --gzip --file "$scratch/helm.tar.gz" --directory "$scratch" --strip-components 1 linux-amd64/helm
# Its sum comes from where it comes from itself, and so proves only that it has arrived as it was sent.
get skaffold "https://github.com/GoogleContainerTools/skaffold/releases/download/$skaffold/skaffold-linux-amd64"
get skaffold.sha256 "https://github.com/GoogleContainerTools/skaffold/releases/download/$skaffold/skaffold-linux-amd64.sha256"
check skaffold "$(cut -d ' ' -f 1 "$scratch/skaffold.sha256")"

install -m 0755 "$scratch/kind" "$scratch/kubectl" "$scratch/helm" "$scratch/skaffold" "$folder"
