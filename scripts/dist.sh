#!/usr/bin/env bash
# Builds what a user is handed: the lite program (XS is inside it), ONNX
# Runtime's library beside it, licences and a short README, in one archive.
#
#   scripts/dist.sh amd64|arm64...        (VERSION in the environment names it)
#
# Writes dist/mhp-VERSION-linux-ARCH.tar.gz; the same commit and tools give the
# same bytes. On an amd64 machine arm64 is cross-compiled.
set -euo pipefail
cd "$(dirname "$0")/.."

# The newest C library that a program may ask for: Debian 12 has 2.36, Ubuntu 22.04 has 2.35.
readonly newest_glibc=2.35
VERSION=${VERSION:-$(git describe --tags --always --dirty)}

die() { echo "dist: error: $*" >&2; exit 1; }

# compiler ARCH prints the C compiler for it.
compiler() {
    local machine=x86_64
    [[ $1 == amd64 ]] || machine=aarch64
    if [[ $(uname -m) == "$machine" ]]; then echo gcc; else echo "$machine-linux-gnu-gcc"; fi
}

# notices ARCH prints the licence of everything that the archive holds of others.
notices() {
    echo "What this archive holds of other people's work, with their terms."
    echo
    echo "==== Go, its standard library ===="
    cat "$(go env GOROOT)/LICENSE"
    local module version folder file
    CGO_ENABLED=1 GOARCH=$1 CC=$(compiler "$1") go list -tags lite -deps \
        -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' ./cmd/mhp | sort -u |
        while read -r module version folder; do
            printf '\n==== %s %s ====\n' "$module" "$version"
            local found=0
            for file in "$folder"/LICENSE* "$folder"/LICENCE* "$folder"/COPYING* "$folder"/NOTICE*; do
                [[ -f $file ]] || continue
                cat "$file"
                found=1
            done
            ((found)) || die "$module has no licence file in $folder"
        done
    printf '\n==== three.js, in the live page ====\n'
    cat licences/three/LICENSE
    local library=third_party/onnxruntime/linux-$1
    printf '\n==== ONNX Runtime ====\n'
    cat "$library/LICENSE"
    printf '\n==== what ONNX Runtime holds of others ====\n'
    cat "$library/ThirdPartyNotices.txt"
}

readme() {
    cat <<TEXT
mhp $VERSION for linux/$1

Finds people in photographs and gives their joints in 3D, in millimetres.
Nothing needs to be installed and nothing is fetched: the network is inside
the program, ONNX Runtime's library lies beside it; keep the two together.

    ./mhp predict photo.jpg
    ./mhp predict photo.jpg --json pose.json --overlay out --html out
    ./mhp doctor
    ./mhp help

It needs a Linux with glibc $2 or newer and libstdc++ (any desktop or server
has both). This build reads pictures, not video.

LICENSE is the program's licence; THIRD-PARTY-NOTICES.txt those of its parts.
TEXT
}

# glibc FILE... prints the newest C library version that any of the files asks for.
glibc() {
    readelf --wide --dyn-syms "$@" | grep -oE '@GLIBC_[0-9.]+' | sed 's/@GLIBC_//' | sort -uV | tail -n 1
}

# archive ARCH builds one archive.
archive() {
    local arch=$1 name=mhp-$VERSION-linux-$1 folder needed stamp
    scripts/fetch_onnxruntime.sh --platform "linux-$arch" >/dev/null
    folder=dist/$name
    # One archive a machine: an older version's would only be taken for this one.
    rm -rf dist/mhp-*-linux-"$arch" dist/mhp-*-linux-"$arch".tar.gz
    mkdir -p "$folder"
    CGO_ENABLED=1 GOOS=linux GOARCH=$arch CC=$(compiler "$arch") go build -tags lite -trimpath \
        -ldflags "-s -w -X mhp/internal/cli.Version=$VERSION" -o "$folder/mhp" ./cmd/mhp
    cp third_party/onnxruntime/linux-"$arch"/libonnxruntime.so* "$folder/"
    needed=$(glibc "$folder"/mhp "$folder"/libonnxruntime.so*)
    [[ $(printf '%s\n' "$needed" $newest_glibc | sort -V | tail -n 1) == "$newest_glibc" ]] ||
        die "$name asks for glibc $needed, newer than $newest_glibc: build it on an older system"
    cp LICENSE "$folder/"
    notices "$arch" >"$folder/THIRD-PARTY-NOTICES.txt"
    readme "$arch" "$needed" >"$folder/README.txt"
    chmod 755 "$folder/mhp"
    stamp=$(git log -1 --format=%ct)
    tar --create --directory dist --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$stamp" \
        --mode=u+rw,go=rX "$name" | gzip -n -9 >"$folder.tar.gz"
    rm -rf "$folder"
    echo "$folder.tar.gz: $(du -h "$folder.tar.gz" | cut -f1), needs glibc $needed"
}

(($#)) || die "say for which machines: amd64, arm64"
for arch in "$@"; do
    [[ $arch == amd64 || $arch == arm64 ]] || die "unknown machine '$arch': amd64 or arm64"
    archive "$arch"
done
