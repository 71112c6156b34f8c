#!/usr/bin/env bash
# Tries the archives as a user would have them: unpacked in a bare system that
# has no network and nothing of this project.
#
#   scripts/dist_test.sh amd64|arm64...
#
# amd64 runs in a Debian 12 "minbase" made by debootstrap (kept under .tools/),
# arm64 in a folder with nothing but the C and C++ libraries, under qemu-user.
# Needs root for chroot. Exit status 77: cannot be tried on this machine.
set -euo pipefail
cd "$(dirname "$0")/.."

VERSION=${VERSION:-$(git describe --tags --always --dirty)}
readonly sample=${SAMPLE:-testdata/sample/one.jpg}
readonly roots=$PWD/.tools/dist-roots

die() { echo "dist-test: error: $*" >&2; exit 1; }
cannot() { echo "dist-test: skipped: $*"; exit 77; }

# A chroot whose mounts and network end with the command: nothing to clean up after it.
# inside ROOT COMMAND...
inside() {
    local root=$1
    shift
    unshare --net --mount --pid --fork -- bash -euc '
        mount -t proc proc "$1/proc"
        exec chroot "$@"' inside "$root" "$@"
}

root_amd64() {
    local root=$roots/amd64
    if [[ ! -f $root/.complete ]]; then
        rm -rf "$root"
        mkdir -p "$root"
        echo "making a bare Debian 12 (once)" >&2
        debootstrap --variant=minbase bookworm "$root" >"$roots/debootstrap.log" 2>&1 ||
            die "debootstrap failed: $(tail -n 3 "$roots/debootstrap.log")"
        touch "$root/.complete"
    fi
    echo "$root"
}

root_arm64() {
    local root=$roots/arm64
    rm -rf "$root"
    mkdir -p "$root"/{proc,tmp,lib,usr/bin}
    cp -L /usr/aarch64-linux-gnu/lib/{ld-linux-aarch64.so.1,libc.so.6,libm.so.6,libdl.so.2,librt.so.1,libpthread.so.0,libstdc++.so.6,libgcc_s.so.1,libresolv.so.2} "$root/lib/"
    cp /usr/bin/qemu-aarch64-static "$root/usr/bin/"
    echo "$root"
}

# try ARCH: unpack, run, look at what came out.
try() {
    local arch=$1 name=mhp-$VERSION-linux-$1 root start emulator=()
    [[ -f dist/$name.tar.gz ]] || die "dist/$name.tar.gz is missing: run make dist"
    root=$(root_"$arch")
    if [[ $arch != "$(dpkg --print-architecture 2>/dev/null || echo amd64)" ]]; then
        emulator=(/usr/bin/qemu-aarch64-static)
    fi
    rm -rf "$root/opt"
    mkdir -p "$root/opt/out"
    tar -xzf "dist/$name.tar.gz" -C "$root/opt"
    cp "$sample" "$root/opt/photo.jpg"
    local mhp=("${emulator[@]}" "/opt/$name/mhp")
    [[ $(inside "$root" "${mhp[@]}" version) == "mhp $VERSION" ]] || die "$name: says it is another version"
    start=$SECONDS
    inside "$root" "${mhp[@]}" predict /opt/photo.jpg \
        --json /opt/out/pose.json --overlay /opt/out --plot /opt/out --html /opt/out
    check "$root/opt/out"
    echo "ok $name: one picture in $((SECONDS - start)) s${emulator:+ (emulated)}"
}

# check FOLDER: there is a person with joints in pose.json, and the pictures are pictures.
check() {
    grep -q '"camera_mm"' "$1/pose.json" || die "no joints in pose.json: $(head -c 400 "$1/pose.json")"
    local html png
    html=$(find "$1" -name '*.html' -size +1k | wc -l)
    png=$(find "$1" \( -name '*.png' -o -name '*.jpg' \) -size +1k | wc -l)
    ((html == 1 && png == 2)) || die "expected one page and two pictures, found: $(ls -l "$1")"
}

(($#)) || die "say which machines: amd64, arm64"
(($(id -u) == 0)) || cannot "chroot needs root; try: sudo scripts/dist_test.sh $*"
for tool in debootstrap unshare chroot qemu-aarch64-static; do
    command -v "$tool" >/dev/null || cannot "$tool is missing; scripts/setup.sh dist installs it"
done
unshare --net --mount --pid --fork -- true 2>/dev/null || cannot "this machine forbids unshare, so there is no way to cut the network"
for arch in "$@"; do try "$arch"; done
