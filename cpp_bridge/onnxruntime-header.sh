#!/bin/sh
# onnxruntime-header.sh FOLDER: ONNX Runtime's header where this Debian has no libonnxruntime-dev: that of Debian 13, from
# the mirror of this machine, signed by Debian's keys. It is unpacked, not installed; give CMake what is printed:
# -DONNXRUNTIME_INCLUDE_DIR=FOLDER/usr/include/onnxruntime. The library is another matter: that of pip's package will do.
set -eu
[ $# = 1 ] || {
    echo "expected a folder to unpack into: onnxruntime-header.sh FOLDER" >&2
    exit 2
}
folder=$(realpath --canonicalize-missing "$1")
keys=/usr/share/keyrings/debian-archive-keyring.gpg
mirror=$(apt-get indextargets --format '$(SITE)' 'Origin: Debian' | grep -v security | head -n 1)
if [ -z "$mirror" ] || [ ! -e "$keys" ]; then
    echo "ONNX Runtime's header: this is no Debian; take include/ of the archive that its project publishes" >&2
    exit 2
fi
mkdir -p "$folder"
apt=$(mktemp -d "$folder/.apt.XXXXXX")
trap 'rm -rf "$apt"' EXIT
trap 'exit 130' HUP INT TERM  # which would end sh without the trap above
mkdir -p "$apt/lists/partial" "$apt/archives/partial"
echo "deb [signed-by=$keys] $mirror trixie main" > "$apt/sources.list"
touch "$apt/status"
cd "$apt"
apt13() {
    apt-get -qq -o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts=- -o Dir::State="$apt" \
        -o Dir::State::Lists="$apt/lists" -o Dir::State::status="$apt/status" -o Dir::Cache="$apt" \
        -o Dir::Cache::Archives="$apt/archives" -o APT::Sandbox::User=root "$@"
}
apt13 update
apt13 download libonnxruntime-dev
dpkg-deb --extract libonnxruntime-dev_*.deb "$folder"
echo "$folder/usr/include/onnxruntime"
