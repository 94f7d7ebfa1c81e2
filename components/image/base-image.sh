#!/usr/bin/env bash
# Make a base image with Python 3.11 from Debian 12 packages, for machines that can reach a Debian mirror
# but no image registry:
#
#   components/image/base-image.sh NAME [PACKAGE ...]
#
# NAME is the image made; the packages named are added to it. It needs podman, apt-get and dpkg-deb, and a Debian 12
# beneath, whose apt sources and keys it uses. No package script is run, so nothing of this machine gets into the
# image but the packages that apt verified.
set -euo pipefail

name=$1
shift
# python3 with its libraries, the C++ runtime of numpy and pyarrow, sh and mktemp for KFP's launcher.
packages=(python3.11-minimal libpython3.11-stdlib libstdc++6 dash coreutils ca-certificates tzdata "$@")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/debs/partial" "$work/root"

echo "Fetching ${packages[*]} and what they need" >&2
# An empty package status: apt then resolves the whole closure, not what this machine lacks.
fetch() {
    apt-get -qq -y --no-install-recommends --download-only \
        -o Dir::State::status=/dev/null -o Dir::Cache::archives="$work/debs" \
        -o Debug::NoLocking=1 -o APT::Sandbox::User=root \
        install "${packages[@]}" >&2
}
# The package lists may be absent or older than the mirror.
fetch || { [ "$(id -u)" = 0 ] && apt-get -qq update >&2 && fetch; } || {
    echo "apt-get cannot fetch the packages: run apt-get update, or make image BASE=... with another base image" >&2
    exit 1
}

cd "$work/root"
for folder in bin sbin lib lib64; do
    mkdir -p "usr/$folder"
    ln -s "usr/$folder" "$folder"
done
for package in "$work"/debs/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink --no-same-owner
done

# What the packages' scripts would have done.
ln -sf python3.11 usr/bin/python3
ln -sf dash usr/bin/sh
cat usr/share/ca-certificates/mozilla/*.crt > etc/ssl/certs/ca-certificates.crt
echo 'root:x:0:0:root:/root:/bin/sh' > etc/passwd
echo 'root:x:0:' > etc/group
mkdir -p -m 1777 tmp
mkdir -p proc sys dev run root home
rm -rf usr/share/doc usr/share/man usr/share/locale var/lib/dpkg

echo "Importing $name" >&2
# Sorted and dated alike, so that the same packages give the same layer.
tar -c --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner . |
    podman import --quiet --change ENV=PATH=/usr/local/bin:/usr/bin:/bin --change ENV=LANG=C.UTF-8 - "$name" >/dev/null
