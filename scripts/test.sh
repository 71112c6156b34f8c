#!/usr/bin/env bash
# Runs every check of the project, or only those named, and ends with one line
# "N passed, N failed, N skipped".
#
#   scripts/test.sh [STEP...]
#
# Steps, in order (the Makefile's "test" sets the machine up first):
#   format      gofmt
#   modules     go.mod and go.sum are complete and unaltered
#   vet         go vet, both builds
#   staticcheck both builds; its version is pinned below
#   pure        what does not need ONNX Runtime builds without cgo
#   full        Go tests, full build (with OpenCV)
#   lite        Go tests of the packages that differ in the lite build
#   race        Go tests under the race detector, lite build, -short
#   fuzz        every fuzz target for FUZZTIME (3s); one without seeds fails
#   python      the tests of train/ and scripts/
#   goldens     the reference in Python still gives the numbers that Go is held to
#   docs        links and make targets named in the documents exist
#   android     the NNAPI binding compiles for Android
# A Go or Python test counts as itself, every other step and fuzz target as one.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
root=$PWD
export MHP_SHARED=${MHP_SHARED:-$(dirname "$root")/shared}

readonly staticcheck_version=v0.8.2
readonly all_steps=(format modules vet staticcheck pure full lite race fuzz python goldens docs android)
fuzztime=${FUZZTIME:-3s}
# Where nobody waits for a second run, nothing is taken from the test cache.
fresh=()
[[ ${CI:-} != true ]] || fresh=(-count=1)

work=$(mktemp -d "${TMPDIR:-/tmp}/mhp-test.XXXXXX")
trap 'rm -rf "$work"' EXIT

# go_tests FLAGS... PACKAGES...: leaves "passed failed skipped" in $work/counts.
go_tests() {
    go test -json -timeout 20m ${fresh[@]+"${fresh[@]}"} "$@" 2>"$work/stderr" | "$work/testsum" -counts "$work/counts"
    local status=("${PIPESTATUS[@]}")
    cat "$work/stderr"
    ((status[0] == 0 && status[1] == 0))
}

step_format() {
    local files
    files=$(git ls-files -z --cached --others --exclude-standard '*.go' | xargs -0 -r ls -d 2>/dev/null | xargs -r gofmt -l)
    [[ -z $files ]] || { printf 'not formatted, run gofmt -w:\n%s\n' "$files"; return 1; }
}

step_modules() { go mod tidy -diff && go mod verify; }

step_vet() { go vet ./... && go vet -tags lite ./...; }

step_staticcheck() {
    local tool=$root/.tools/staticcheck-$staticcheck_version
    if [[ ! -x $tool ]]; then
        mkdir -p .tools/bin
        GOBIN=$root/.tools/bin go install "honnef.co/go/tools/cmd/staticcheck@$staticcheck_version" || return 1
        mv .tools/bin/staticcheck "$tool"
    fi
    "$tool" ./... && "$tool" -tags lite ./...
}

# cgo lives in infer/ort and in packages named gocv, and nowhere else.
step_pure() {
    go list -tags lite -f '{{.ImportPath}} {{join .Deps " "}} ' ./... |
        awk '!/(^| )mhp\/internal\/infer\/ort / { print $1 }' >"$work/pure" || return 1
    xargs env CGO_ENABLED=0 go build -tags lite <"$work/pure" && echo "$(wc -l <"$work/pure") packages"
}

step_full() { go_tests ./...; }

# build_of FLAGS...: what each package and its tests are made of, one a line.
build_of() { go list "$@" -test -f '{{.ImportPath}} {{.GoFiles}} {{.CgoFiles}} {{.Deps}}' ./...; }

# A package that is the same in both builds was tested by "full", and comes again in "race".
step_lite() {
    local differ
    build_of >"$work/full" && build_of -tags lite >"$work/lite" || return 1
    mapfile -t differ < <(diff "$work/full" "$work/lite" | sed -nE 's/^> ([^ ]+).*/\1/p' | sed -E 's/(_test|\.test)$//' | sort -u)
    ((${#differ[@]})) || { echo "the two builds do not differ in any package"; return 1; }
    go_tests -tags lite "${differ[@]}"
}

# Lite: OpenCV's binding takes minutes to compile anew for the race detector and starts no goroutines.
step_race() { go_tests -race -short -tags lite ./...; }

# fuzz_targets prints "package target" for every fuzz target there is.
fuzz_targets() {
    # -run tells packages that check for unused goldens that this is no full run.
    go test -tags lite -run '^$' -list '^Fuzz' ./... >"$work/list" 2>&1 || { cat "$work/list" >&2; return 1; }
    awk '/^Fuzz/ { name[n++] = $1 } /^ok/ { for (i = 0; i < n; i++) print $2, name[i]; n = 0 }' "$work/list"
}

# only_deadline LOG: the fuzzer's own time limit was reported as a failure and no input failed.
# Go before 1.27 does that now and then: go.dev/issue/75804.
only_deadline() {
    grep -qE '^ +context deadline exceeded$' "$1" && ! grep -qE 'Failing input written|panic:|_test\.go:[0-9]+:|signal:' "$1"
}

# fuzz_one PACKAGE TARGET: its seeds, then new input for $fuzztime.
fuzz_one() {
    local seeds
    seeds=$(go test -tags lite -run "^$2\$" -v "$1" | grep -c "^=== RUN *$2/")
    if ((seeds == 0)); then
        echo "FAIL $1 $2: no seeds; add some with f.Add or under testdata/fuzz/$2"
        return 1
    fi
    local attempt
    for attempt in 1 2 3; do
        go test -tags lite -run '^$' -fuzz "^$2\$" -fuzztime "$fuzztime" "$1" >"$work/fuzz.log" 2>&1 && break
        if ((attempt == 3)) || ! only_deadline "$work/fuzz.log"; then
            cat "$work/fuzz.log"
            echo "FAIL $1 $2"
            return 1
        fi
    done
    echo "ok   $1 $2 ($seeds seeds, $(sed -n 's/.*execs: \([0-9]*\).*/\1/p' "$work/fuzz.log" | tail -n 1) runs)"
}

step_fuzz() {
    local passed=0 failed=0 package target
    # A file, not a pipe: a broken list must not look like an empty one.
    fuzz_targets >"$work/targets" || return 1
    while read -r package target; do
        if fuzz_one "$package" "$target"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    done <"$work/targets"
    ((passed + failed)) || { echo "no fuzz targets found"; return 1; }
    echo "$passed $failed 0" >"$work/counts"
    ((failed == 0))
}

# pytest_count WORD: the number before WORD in pytest's last line, 0 without one.
pytest_count() {
    local number
    number=$(tail -n 1 "$work/pytest.log" | grep -oE "[0-9]+ $1" | grep -oE '[0-9]+')
    echo "${number:-0}"
}

step_python() {
    local folders=() folder status
    for folder in train/tests scripts/tests; do
        [[ -z $(git ls-files -co --exclude-standard -- "$folder") ]] || folders+=("$folder")
    done
    ((${#folders[@]})) || { echo "no Python tests found"; return 1; }
    .venv/bin/python -m pytest -q -rs -p no:cacheprovider "${folders[@]}" 2>&1 | tee "$work/pytest.log"
    status=${PIPESTATUS[0]}
    echo "$(pytest_count passed) $(($(pytest_count failed) + $(pytest_count error))) $(pytest_count skipped)" >"$work/counts"
    return "$status"
}

step_goldens() { .venv/bin/python scripts/make_goldens.py --check; }

step_docs() { scripts/test_docs.sh; }

# Exit status 77 is the sign for "cannot be tried here".
step_android() { scripts/check_android.sh; }

passed=0 failed=0 skipped=0
report=()

# run STEP: times it and adds what it counted.
run() {
    local start=$SECONDS status p f s
    printf '\n== %s\n' "$1"
    rm -f "$work/counts"
    "step_$1" </dev/null
    status=$?
    if [[ -f $work/counts ]]; then
        read -r p f s <"$work/counts"
        ((status == 0 || f > 0)) || f=1
    elif ((status == 77)); then
        p=0 f=0 s=1
    else
        p=$((status == 0)) f=$((status != 0)) s=0
    fi
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    report+=("$(printf '%-12s %5d passed %3d failed %3d skipped %5d s' "$1" "$p" "$f" "$s" $((SECONDS - start)))")
}

steps=("$@")
((${#steps[@]})) || steps=("${all_steps[@]}")
for step in "${steps[@]}"; do
    if [[ " ${all_steps[*]} " != *" $step "* ]]; then
        echo "test: error: no step is called '$step'; there are: ${all_steps[*]}" >&2
        exit 2
    fi
done
go build -o "$work/testsum" ./scripts/testsum || exit 1
for step in "${steps[@]}"; do run "$step"; done

printf '\n'
printf '%s\n' "${report[@]}"
printf '%-12s %43d s\n\n' all "$SECONDS"
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0 && passed > 0))
