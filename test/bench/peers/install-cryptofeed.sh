#!/bin/sh
# Installs cryptofeed into a virtual environment in the user's cache, where the benchmarks look for it.
# Needs Python 3.9 or newer and a C compiler (parts of cryptofeed are built on installation).
set -eu
venv="${XDG_CACHE_HOME:-$HOME/.cache}/marketprism/cryptofeed-2.4.1"
python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --requirement "$(dirname "$0")/requirements.txt"
echo "cryptofeed 2.4.1 is installed in $venv"
