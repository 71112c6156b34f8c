#!/usr/bin/env bash
# Fetches ONNX Runtime's library into third_party/onnxruntime/OS-ARCH/ (ignored by git).
#
#   scripts/fetch_onnxruntime.sh                          for this machine
#   scripts/fetch_onnxruntime.sh --platform linux-arm64   for a cross build
#
# It comes from the npm package onnxruntime-node at a pinned version. The
# archive's SHA-512 is checked here, and none of the package's scripts is run.
# A second call finds the library in place and does nothing.
set -euo pipefail

readonly package=onnxruntime-node
# Go's binding asks for C API 24, which 1.24 and everything later serves. 1.27
# has a slower PRelu; 1.30 is a little quicker on amd64, but its arm64 library,
# like that of 1.29, crashes when loaded under qemu-user, where it is tested.
readonly version=1.26.0
readonly sha512=OHl6PiOEOqxaLHL0N9eFrbzS7IGmu3BtJNH3RTEnRAheCIkfc3gjcjl4sGcjp9C22ZC9YTquDOxSdT/stBQ6BQ==

die() {
  echo "fetch_onnxruntime: error: $1" >&2
  if [ -n "${2:-}" ]; then echo "fetch_onnxruntime: hint: $2" >&2; fi
  exit 1
}

this_platform() {
  local os arch
  case "$(uname -s)" in
    Linux) os=linux ;;
    Darwin) os=darwin ;;
    MINGW* | MSYS* | CYGWIN*) os=windows ;;
    *) os=$(uname -s | tr '[:upper:]' '[:lower:]') ;;
  esac
  case "$(uname -m)" in
    x86_64 | amd64) arch=amd64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) arch=$(uname -m) ;;
  esac
  echo "$os-$arch"
}

# folder and file name of a platform's library inside the package
in_package() {
  case "$1" in
    linux-amd64) echo linux/x64 libonnxruntime.so.1 ;;
    linux-arm64) echo linux/arm64 libonnxruntime.so.1 ;;
    darwin-arm64) echo darwin/arm64 "libonnxruntime.$version.dylib" ;;
    windows-amd64) echo win32/x64 onnxruntime.dll ;;
    windows-arm64) echo win32/arm64 onnxruntime.dll ;;
    *) die "$package $version has no library for $1" \
      "it has linux-amd64, linux-arm64, darwin-arm64, windows-amd64, windows-arm64; elsewhere build ONNX Runtime 1.24 or newer and pass --ort-library FILE to mhp" ;;
  esac
}

main() {
  local platform
  platform=$(this_platform)
  while [ $# -gt 0 ]; do
    case "$1" in
      --platform) [ $# -ge 2 ] || die "--platform needs a value such as linux-arm64"; platform=$2; shift 2 ;;
      -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; return ;;
      *) die "unknown argument $1" "see $0 --help" ;;
    esac
  done

  local where folder file
  where=$(in_package "$platform") || exit 1
  read -r folder file <<<"$where"
  local root dest
  root=$(cd "$(dirname "$0")/.." && pwd)
  dest=$root/third_party/onnxruntime/$platform
  local stamp="$package $version sha512-$sha512"
  if [ -s "$dest/$file" ] && [ "$(cat "$dest/VERSION" 2>/dev/null)" = "$stamp" ]; then
    echo "ONNX Runtime $version for $platform is in ${dest#"$root"/}"
    return
  fi

  command -v node >/dev/null && command -v npm >/dev/null ||
    die "npm is missing; ONNX Runtime's library comes from the npm package $package" \
      "install Node.js with npm (Debian: apt-get install nodejs npm), or put libonnxruntime 1.24 or newer into ${dest#"$root"/}"
  mkdir -p "$root/third_party/onnxruntime"
  # not "local": the trap runs after main's variables are gone
  work=$(mktemp -d "$root/third_party/onnxruntime/.fetch.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  echo "fetching $package $version (about 100 MB) for $platform" >&2
  (cd "$work" && npm pack --loglevel=error --ignore-scripts --pack-destination "$work" "$package@$version" >/dev/null 2>npm.log) ||
    die "npm could not fetch $package@$version: $(grep -m 3 -i 'npm err' "$work/npm.log" | tr '\n' ' ')" \
      "check the network and npm's registry and proxy settings (npm config list), then run this again"

  local archive=$work/$package-$version.tgz found
  found=$(node -e 'process.stdout.write(require("crypto").createHash("sha512").update(require("fs").readFileSync(process.argv[1])).digest("base64"))' "$archive")
  [ "$found" = "$sha512" ] ||
    die "the archive's SHA-512 is $found, not $sha512: it is not the file this project was tested with" \
      "empty npm's cache (npm cache clean --force) and check which registry npm uses"
  tar -xzf "$archive" -C "$work" "package/bin/napi-v6/$folder/$file"
  cp "$root/licences/onnxruntime/LICENSE" "$root/licences/onnxruntime/ThirdPartyNotices.txt" "$work/package/"
  echo "$stamp" >"$work/package/VERSION"
  mkdir -p "$dest"
  mv "$work/package/bin/napi-v6/$folder/$file" "$work/package/LICENSE" "$work/package/ThirdPartyNotices.txt" "$dest/"
  mv "$work/package/VERSION" "$dest/" # last, so that a broken run is not taken for a finished one
  echo "ONNX Runtime $version for $platform is in ${dest#"$root"/}"
}

main "$@"
