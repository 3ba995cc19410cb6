#!/bin/sh
# Packs a built program as a release asset: package.sh TARGET PROGRAM FOLDER
set -eu
target=$1 program=$2 folder=$3
name="regen-$target"
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
mkdir "$stage/$name"
cp "$program" "$stage/$name/regen"
chmod 755 "$stage/$name/regen"
root=$(dirname "$0")/..
cp "$root/README.md" "$root/LICENSE-MIT" "$root/LICENSE-APACHE" "$stage/$name/"
mkdir "$stage/$name/man"
"$program" man --output "$stage/$name/man" 2>/dev/null || rmdir "$stage/$name/man" # built for another machine
mkdir -p "$folder"
tar -czf "$folder/$name.tar.gz" --owner=0 --group=0 --numeric-owner --sort=name -C "$stage" "$name"
(cd "$folder" && sha256sum "$name.tar.gz" > "$name.tar.gz.sha256")
