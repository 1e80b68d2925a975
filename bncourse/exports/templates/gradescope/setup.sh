#!/usr/bin/env bash
# Runs once, as root, when Gradescope builds the image.
set -euo pipefail
source=${AUTOGRADER:-/autograder}/source
export DEBIAN_FRONTEND=noninteractive

apt-get update
python=
for version in 3.13 3.12 3.11; do
    if apt-get install -y "python$version" "python$version-venv"; then
        python=python$version
        break
    fi
done
[ -n "$python" ] || { echo "no Python of 3.11 or newer is available in this image" >&2; exit 1; }
apt-get install -y bubblewrap libseccomp2 || echo "without bubblewrap submissions run as the user nobody, with limits"

"$python" -m venv /opt/bncourse
# PyTorch without CUDA is a tenth of the size.
/opt/bncourse/bin/python -m pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu \
    -c "$source/constraints.txt" -r "$source/requirements.txt"

# Checks and known mistakes are for the grader, which is root, and not for the code that it grades, which is not.
chmod -R go= "$source/tests"
