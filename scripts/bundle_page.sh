#!/usr/bin/env bash
# Bundles the live page's script with three.js into one file, the same bytes
# every time: internal/web/bundle/live.js, which the program embeds.
#
#   scripts/bundle_page.sh [FILE]    FILE instead of that file
set -euo pipefail
cd "$(dirname "$0")/.."

tools=.tools/node/node_modules
[[ -x $tools/.bin/esbuild ]] || { echo "bundle_page: error: no esbuild in .tools/node: run scripts/setup.sh node" >&2; exit 1; }
out=${1:-internal/web/bundle/live.js}
mkdir -p "$(dirname "$out")"
# Comments with licences stay, at the end of the file.
NODE_PATH=$tools "$tools/.bin/esbuild" internal/web/page/live.js --bundle --minify --format=esm --target=es2022 \
    --legal-comments=eof --log-level=warning --outfile="$out"
