#!/usr/bin/env bash
# Brings the machine to where the Makefile needs it, and does nothing where it is there already.
#
#   scripts/setup.sh WHAT...
#
#   tools        make, a C compiler, Go: everything needs them
#   opencv       OpenCV 4 with its contrib modules (the full build)
#   onnxruntime  ONNX Runtime's library, from npm into third_party/
#   node         three.js, esbuild and the glTF validator from npm into .tools/node/
#   viewers      a screen without a screen and a browser: window and live page are looked at in tests
#   python       .venv/ with torch, numpy, ONNX and pytest (tests, goldens, export)
#   android      what the compile check for Android needs
#   dist         cross compiler, qemu and debootstrap (archives and their test)
#
# System packages come from apt; without apt it lists what to install and fails.
# MHP_PYTHON names a Python to use instead of searching for one.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly log=.tools/setup.log
missing=()  # Debian packages
reasons=()  # what each is for

say() { printf 'setup: %s\n' "$*" >&2; }
die() { printf 'setup: error: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# need PACKAGE REASON: notes a package that is lacking.
need() {
    [[ " ${missing[*]-} " != *" $1 "* ]] || return 0
    missing+=("$1")
    reasons+=("$1: $2")
}

probe_tools() {
    have make || need make "runs the Makefile"
    have git || need git "the version number"
    have gcc || need gcc "cgo: the binding to ONNX Runtime is C"
    echo '#include <stdlib.h>' | gcc -E - >/dev/null 2>&1 || need libc6-dev "C headers"
    [[ -e /etc/ssl/certs/ca-certificates.crt ]] || ! have apt-get || need ca-certificates "trusted downloads"
    local wanted found
    wanted=$(sed -n 's/^go //p' go.mod)
    have go || die "Go is not on the PATH: install Go $wanted or newer, see https://go.dev/doc/install"
    # The go command itself refuses an older toolchain that may not fetch a newer one.
    if ! found=$(go version 2>&1); then
        die "Go $wanted or newer is needed: $found"
    fi
}

probe_opencv() {
    have g++ || need g++ "OpenCV's binding is C++"
    have pkg-config || need pkg-config "finds OpenCV"
    have pkg-config && pkg-config --exists opencv4 || need libopencv-dev "OpenCV 4.6, for video and cameras"
    local headers=/usr/include/opencv4
    if have pkg-config && pkg-config --exists opencv4; then
        headers=$(pkg-config --variable=includedir opencv4)
        [[ -d $headers/opencv2 ]] || headers=/usr/include/opencv4
    fi
    [[ -f $headers/opencv2/aruco.hpp ]] || need libopencv-contrib-dev "OpenCV modules that its Go binding links"
    have pkg-config && pkg-config --exists libjpeg || need libjpeg-dev "libjpeg-turbo, which decodes photographs at a part of their size"
}

probe_onnxruntime() {
    have npm || need npm "fetches ONNX Runtime's library"
}

probe_node() {
    have npm || need npm "fetches the glTF validator and what the live page is made of"
}

probe_viewers() {
    # Elsewhere the tests that need them are skipped and say so.
    have apt-get || return 0
    have ffmpeg || need ffmpeg "feeds the cameras and pipes of the tests"
    have Xvfb || need xvfb "a screen for the window's test"
    have xdotool || need xdotool "presses keys in the window's test"
    have chromium || have chromium-browser || have google-chrome || need chromium "the live page's test"
}

probe_android() {
    # Only Debian has Android's log library as a package; elsewhere the check is skipped and says so.
    have apt-get || return 0
    [[ -d /usr/include/android || -e /usr/lib/x86_64-linux-gnu/android/liblog.so ]] ||
        need android-liblog-dev "Go links it for Android"
}

probe_dist() {
    have aarch64-linux-gnu-gcc || need gcc-aarch64-linux-gnu "cross-compiles for arm64"
    [[ -e /usr/aarch64-linux-gnu/lib/libc.a ]] || need libc6-dev-arm64-cross "C library for arm64"
    [[ -e /usr/aarch64-linux-gnu/lib/libstdc++.so.6 ]] || need libstdc++6-arm64-cross "C++ library for arm64"
    have qemu-aarch64-static || need qemu-user-static "runs arm64 programs here"
    have debootstrap || need debootstrap "makes the bare system in which the archive is tried"
    have readelf || need binutils "reads which C library a program needs"
}

# python_works PYTHON: it can make virtual environments and has the packages of Debian's list.
python_works() {
    "$1" - >/dev/null 2>&1 <<'PY'
import importlib.util, sys
wanted = ("torch", "numpy", "cv2", "venv", "ensurepip")
sys.exit(sys.version_info < (3, 11) or any(importlib.util.find_spec(name) is None for name in wanted))
PY
}

# base_python prints the first Python that works; the one on the PATH need not be Debian's.
base_python() {
    local candidate
    for candidate in ${MHP_PYTHON:+"$MHP_PYTHON"} /usr/bin/python3 python3 python; do
        if have "$candidate" && python_works "$candidate"; then
            command -v "$candidate"
            return 0
        fi
        [[ -z ${MHP_PYTHON:-} ]] || return 1
    done
    return 1
}

readonly python_packages=(python3 python3-torch python3-numpy python3-opencv python3-venv)

probe_python() {
    venv_fresh && return 0
    base_python >/dev/null && return 0
    if [[ -n ${MHP_PYTHON:-} ]]; then
        die "MHP_PYTHON=$MHP_PYTHON lacks torch, numpy, cv2 or venv (Python 3.11 or newer): install them or unset MHP_PYTHON"
    fi
    if ! have apt-get; then
        die "no Python here has torch, numpy, cv2 and venv. With Python 3.11 or newer:
    python3 -m pip install torch numpy opencv-python-headless
  (a virtual environment will do: then set MHP_PYTHON to its python)"
    fi
    local package
    for package in "${python_packages[@]}"; do need "$package" "tests and export"; done
}

# install_missing installs what the probes noted, in one go.
install_missing() {
    ((${#missing[@]})) || return 0
    local root=()
    if ! have apt-get; then
        printf 'setup: error: these are missing and there is no apt to install them (Debian'\''s names):\n' >&2
        printf '  %s\n' "${reasons[@]}" >&2
        exit 1
    fi
    if (($(id -u) != 0)); then
        have sudo || die "not root and no sudo; as root run: apt-get install --no-install-recommends ${missing[*]}"
        root=(sudo)
    fi
    say "installing with apt: ${missing[*]} (a few minutes; log in $log)"
    mkdir -p "$(dirname "$log")"
    local apt=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=600)
    if ! { "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null; then
        tail -n 20 "$log" >&2
        die "apt could not install: ${missing[*]} (whole log in $log)"
    fi
}

# Its standard output only repeats where the library is; what it fetches it says on standard error.
install_onnxruntime() { scripts/fetch_onnxruntime.sh >/dev/null; }

# node_fresh: what npm installed is what the lock file says.
node_fresh() { cmp -s scripts/node/package-lock.json .tools/node/done; }

# No package's own script is run.
install_node() {
    node_fresh && return 0
    say "fetching three.js, esbuild and the glTF validator from npm"
    mkdir -p .tools/node
    cp scripts/node/package.json scripts/node/package-lock.json scripts/node/.npmrc .tools/node/
    (cd .tools/node && npm ci --loglevel=error --ignore-scripts --no-audit --no-fund >npm.log 2>&1) || {
        tail -n 10 .tools/node/npm.log >&2
        die "npm could not fetch the packages of scripts/node/package.json (whole log in .tools/node/npm.log)"
    }
    cp scripts/node/package-lock.json .tools/node/done
}

# venv_state is what .venv depends on; when it changes, .venv is brought up to date.
venv_state() {
    printf '%s\n' "$PWD" "${MHP_PYTHON:-}"
    cat scripts/setup-requirements.txt
    if [[ -f train/pyproject.toml ]]; then cat train/pyproject.toml; fi
}

venv_fresh() {
    [[ -x .venv/bin/python && -f .venv/state ]] && .venv/bin/python -c '' 2>/dev/null &&
        cmp -s .venv/state <(venv_state)
}

install_python() {
    venv_fresh && return 0
    local base
    base=$(base_python) || die "no Python with torch, numpy, cv2 and venv, even after installing ${python_packages[*]}"
    say "making .venv from $base"
    # The big packages stay the base's own; the constraint keeps pip from replacing the numpy under them.
    "$base" -m venv --clear --system-site-packages .venv
    .venv/bin/python -c 'import numpy; print("numpy==" + numpy.__version__)' >.venv/constraints.txt
    local pip=(.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input)
    "${pip[@]}" -c .venv/constraints.txt -r scripts/setup-requirements.txt
    if [[ -f train/pyproject.toml ]]; then
        "${pip[@]}" --no-deps --no-build-isolation -e train
    fi
    .venv/bin/python -c 'import torch, numpy, cv2, onnx, onnxruntime' ||
        die "the packages in .venv do not work together, see above"
    venv_state >.venv/state
}

(($#)) || die "say what to set up: tools, opencv, onnxruntime, node, viewers, python, android, dist"
for what in "$@"; do
    case $what in
    tools | opencv | onnxruntime | node | viewers | python | android | dist) "probe_$what" ;;
    *) die "do not know how to set up '$what': tools, opencv, onnxruntime, node, viewers, python, android or dist" ;;
    esac
done
install_missing
for what in "$@"; do
    case $what in
    onnxruntime | node | python) "install_$what" ;;
    esac
done
