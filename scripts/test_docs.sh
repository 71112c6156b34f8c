#!/usr/bin/env bash
# Checks the documents against the repository: every relative link leads to a
# file, and every "make TARGET" named is a target of the Makefile.
set -euo pipefail
cd "$(dirname "$0")/.."

problems=0
problem() { printf '%s\n' "$*"; problems=$((problems + 1)); }

mapfile -t targets < <(sed -nE 's/^([a-z][a-z-]*):([^=].*)?$/\1/p' Makefile)
mapfile -t documents < <(git ls-files --cached --others --exclude-standard '*.md')

for document in "${documents[@]}"; do
    [[ -f $document ]] || continue
    folder=$(dirname "$document")
    while read -r link; do
        [[ -n $link ]] || continue
        [[ -e $folder/$link ]] || problem "$document: the link to $link leads nowhere"
    done < <(grep -oE '\]\([^)#: ]+[)#]' "$document" | sed 's/^](//; s/.$//' || true)
    while read -r target; do
        [[ -n $target ]] || continue
        [[ " ${targets[*]} " == *" $target "* ]] || problem "$document: the Makefile has no target $target"
    done < <(grep -oE '(^|`|\$ )make [a-z][a-z-]*' "$document" | sed 's/.*make //' | sort -u || true)
done

((${#documents[@]})) || problem "no documents found"
echo "${#documents[@]} documents, $problems problems"
((problems == 0))
