#!/usr/bin/env bash
# Make a virtual environment from a lock file and install this project into it, editable.
#
#   requirements/environment.sh DIR LOCK MAX_MINOR
#
# DIR is the environment, LOCK its requirements with hashes, MAX_MINOR the newest Python 3 minor version
# that the lock has wheels for. $PYTHON is taken if its version fits, else the first python on PATH that does.
# uv does the work. Where uv cannot reach the package index but pip can (uv does not read pip.conf), pip does.
set -euo pipefail
cd "$(dirname "$0")/.."

dir=$1 lock=$2 max_minor=$3
python=${PYTHON:-python3}
export UV_PYTHON_DOWNLOADS=never UV_NO_PROGRESS=1

say() { printf '%s\n' "$*" >&2; }

fits() {
    "$1" -c "import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, $max_minor))" 2>/dev/null
}

if [ "$(uname -s)" != Linux ]; then
    say "The locks in requirements/ are for Linux; on $(uname -s), use a Linux container."
    exit 2
fi
if ! fits "$python"; then
    found=
    for minor in 12 11 10 13; do
        if [ "$minor" -le "$max_minor" ] && fits "python3.$minor"; then
            found=python3.$minor
            break
        fi
    done
    if [ -z "$found" ]; then
        say "$dir needs Python 3.10 to 3.$max_minor, and $python is not: install one, or run make PYTHON=/path/to/python3.11."
        exit 2
    fi
    python=$found
fi

uv=.tools/bin/uv

say "Making $dir from $lock"
if ! fits "$dir/bin/python"; then
    "$uv" venv --quiet --clear --python "$(command -v "$python")" "$dir"
fi
with_pip() { PIP_ROOT_USER_ACTION=ignore "$python" -m pip --python "$dir/bin/python" --disable-pip-version-check install --quiet "$@"; }
if ! "$uv" pip sync --quiet --python "$dir/bin/python" --require-hashes --build-constraints "$lock" "$lock"; then
    say "uv could not install $lock; trying pip, which may know another package index"
    with_pip --require-hashes -r "$lock"
fi
# Built with the locked hatchling of this environment, not with whatever an isolated build would fetch.
"$uv" pip install --quiet --offline --python "$dir/bin/python" --no-deps --no-build-isolation --editable .
"$dir/bin/python" -c "import lockgate"
