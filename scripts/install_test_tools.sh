#!/bin/sh
# Install what `make test` uses beyond Python and Terraform, on a Debian or Ubuntu machine, as root: a browser for the
# page, a container engine for the images, venv for Python. What is there already is left alone; without any of these,
# the tests that need it are skipped and say so.
set -eu

wanted=
want() { # COMMAND PACKAGE...: the packages, unless the command is there
    command -v "$1" >/dev/null 2>&1 && return
    shift
    wanted="$wanted $*"
}

want chromium chromium
want dockerd docker.io
want iptables iptables
want debootstrap debootstrap
python3 -c 'import ensurepip, venv' 2>/dev/null || wanted="$wanted python3-venv"

if [ -z "$wanted" ]; then
    exit 0
fi
if ! command -v apt-get >/dev/null 2>&1 || [ "$(id -u)" != 0 ]; then
    printf 'Not installed, for want of apt-get or of root:%s\n' "$wanted" >&2
    exit 0
fi
printf 'Installing%s\n' "$wanted"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086  # a list of package names
apt-get install -y -qq --no-install-recommends $wanted >/dev/null
