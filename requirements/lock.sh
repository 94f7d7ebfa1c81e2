#!/usr/bin/env bash
# Renew the locks: one file per environment, with hashes, for every supported Python on Linux.
# What is locked already stays as it is while it still fits; give --upgrade to move to the newest.
set -euo pipefail
cd "$(dirname "$0")/.."

# The plain requirements form: no index address, no path of this machine.
lock() {
    local out=$1
    shift
    echo "requirements/$out" >&2
    .tools/bin/uv pip compile --quiet --universal --python-version 3.10 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
        --output-file "requirements/$out" ${upgrade:+"$upgrade"} "$@"
}
upgrade=${1:-}

lock tools.txt requirements/tools.in
lock core.txt pyproject.toml
# The development environment. Not in it: deepchecks, which needs numpy 1; torch, which `make torch` adds; xgboost
# with its libraries for graphics cards; and the clients of the clouds' key services that no test can reach.
lock dev.txt pyproject.toml --extra airflow --extra kfp --extra poisoning --extra evidently --extra robustness \
    --extra mlflow --extra oms --extra postgresql --extra sigstore --extra awskms --extra hsm --extra vault --extra supply-chain \
    --extra onnx --extra lightgbm --extra catboost --extra spark --extra dev
lock deepchecks.txt pyproject.toml requirements/build.in --extra deepchecks
lock scanners.txt pyproject.toml requirements/build.in --extra scanners
# The container image of the KFP components. kfp is in it: its executor runs every component.
lock image.txt pyproject.toml --extra kfp --extra poisoning --extra evidently --extra robustness --extra mlflow \
    --extra oms --extra postgresql --extra supply-chain

if grep -nE '://|file:|@ ' requirements/*.txt; then
    echo "A lock names an address; see the lines above." >&2
    exit 1
fi
