#!/bin/sh
# Installs a released regen: install.sh VERSION FOLDER
# REGEN_RELEASES: the address of the releases, below which is vVERSION/.
set -eu
version=$1 folder=$2
base=${REGEN_RELEASES:?set it to the address of the releases}
case $(uname -s)-$(uname -m) in
  Linux-x86_64) target=x86_64-unknown-linux-musl ;;
  Linux-aarch64) target=aarch64-unknown-linux-musl ;;
  *) echo "regen has no release for $(uname -s) $(uname -m); use: cargo install regen-harness" >&2; exit 1 ;;
esac
name="regen-$target"
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
for file in "$name.tar.gz" "$name.tar.gz.sha256"; do
  curl --fail --silent --show-error --location --retry 3 -o "$stage/$file" "$base/v$version/$file"
done
(cd "$stage" && sha256sum --check --quiet "$name.tar.gz.sha256")
tar -xzf "$stage/$name.tar.gz" -C "$stage"
mkdir -p "$folder"
cp "$stage/$name/regen" "$folder/regen"
"$folder/regen" --version
