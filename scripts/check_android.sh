#!/usr/bin/env bash
# Compiles for Android: the inference packages, binding and NNAPI code included,
# and the program without OpenCV. Nothing of it runs here, and the C library is
# this machine's. Needs gcc and Debian's android-liblog-dev for what Go's
# runtime logs with; skips with the reason without them.
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
  echo "check_android: skipped: $1" >&2
  exit 0
}
command -v gcc >/dev/null || skip "no gcc"
[ "$(go env GOHOSTOS)/$(go env GOHOSTARCH)" = linux/amd64 ] || skip "gcc makes code for android/amd64 only on linux/amd64"
# Debian's package puts the header into a folder of its own.
include=
for dir in /usr/include /usr/include/android; do
  if [ -f "$dir/android/log.h" ]; then
    include=$dir
    break
  fi
done
[ -n "$include" ] || skip "no android/log.h (Debian: apt-get install android-liblog-dev)"

export GOOS=android GOARCH=amd64 CGO_ENABLED=1 CC=gcc
export CGO_CFLAGS="-I$include" CGO_LDFLAGS=-L/usr/lib/x86_64-linux-gnu/android
# netgo: Go's net would otherwise want the resolver of Android's own C library.
readonly tags=lite,netgo

go vet -tags "$tags" ./internal/infer/...
go build -tags "$tags" ./internal/infer/...
echo "check_android: internal/infer compiles for $GOOS/$GOARCH"
if [ -d cmd/mhp ]; then
  out=$(mktemp -d)
  trap 'rm -rf "$out"' EXIT
  go build -tags "$tags" -o "$out/mhp" ./cmd/mhp
  echo "check_android: cmd/mhp compiles and links for $GOOS/$GOARCH"
fi
