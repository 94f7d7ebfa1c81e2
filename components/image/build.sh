#!/usr/bin/env bash
# Build the image that the KFP components name, with podman:
#
#   components/image/build.sh [BASE]
#
# BASE is a base image with python3 3.10 to 3.13 and sh. Without it, base-image.sh makes one from Debian
# packages; where this is no Debian 12, the default in Containerfile is pulled. $TAG names the result (default: the name in lockgate_kfp.IMAGE), $WHEEL the wheel (default: the one in
# dist/, where make image puts it). All that the image gets is installed here, from requirements/image.txt and
# against its hashes, from whatever index of packages this machine is set up for. The build has no network.
set -euo pipefail
cd "$(dirname "$0")/../.."

# Scripts in bin/ start with this machine's Python; the image brings the one it needs.
tidy() {
    rm -rf "$1/bin" "$1/.lock"
    find "$1" -name __pycache__ -prune -exec rm -rf {} +
}

base=${1:-}
wheel=${WHEEL:-$(ls dist/lockgate-*.whl)}
tag=${TAG:-$(.venv/bin/python -c 'import lockgate_kfp; print(lockgate_kfp.IMAGE)')}
context=build/image
# podman asks for its own high limits, which a machine without CAP_SYS_RESOURCE (a container, a CI runner) refuses.
limits=(--ulimit nofile=1024:1024 --ulimit nproc=1024:1024)
site=$context/site

if [ -z "$base" ] && [ "$(. /etc/os-release && echo "$ID$VERSION_ID")" = debian12 ]; then
    base=localhost/lockgate-base:debian12
    podman image exists "$base" || components/image/base-image.sh "$base"
fi
base=${base:-$(sed -n 's/^ARG BASE=//p' Containerfile)}
podman image exists "$base" || podman pull "$base"
version=$(podman run --rm "${limits[@]}" --network=none --entrypoint python3 "$base" -c 'import sys; print("%d.%d" % sys.version_info[:2])')

# What the requirements bring is kept from one build to the next, so that podman can reuse its layer too.
wanted=$(cat requirements/image.txt <(echo "$version") "$0" | sha256sum)
if [ "$(cat "$context/site.made" 2>/dev/null)" != "$wanted" ]; then
    echo "Installing requirements/image.txt for Python $version" >&2
    rm -rf "$context"
    mkdir -p "$site"
    # Wheels only: a source package would be built by, and for, this machine. kfp-server-api has no wheel and is
    # plain Python; it is built with the locked tools.
    if ! .tools/bin/uv pip install --quiet --target "$site" --python-version "$version" \
        --python-platform "$(uname -m)-manylinux_2_28" --only-binary :all: --no-binary kfp-server-api \
        --build-constraints requirements/dev.txt --require-hashes -r requirements/image.txt; then
        echo "uv could not install requirements/image.txt; trying pip, which may know another package index" >&2
        .venv/bin/python -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$version')" || {
            echo "pip can install from .venv only for its own Python: run make clean image PYTHON=python$version" >&2
            exit 1
        }
        rm -rf "$site"
        .venv/bin/python -m pip --disable-pip-version-check install --quiet --root-user-action ignore \
            --target "$site" --require-hashes -r requirements/image.txt
    fi
    tidy "$site"
    echo "$wanted" > "$context/site.made"
fi
rm -rf "$context/own"
.tools/bin/uv pip install --quiet --offline --no-deps --target "$context/own" --python-version "$version" "$wheel"
tidy "$context/own"

echo "Building $tag on $base" >&2
podman build --quiet --layers "${limits[@]}" --network=none --build-arg BASE="$base" \
    --build-arg REQUIREMENTS="${wanted%% *}" --tag "$tag" --file Containerfile "$context" >&2
echo "$tag"
