#!/bin/sh
# Make .venv what uv.lock says, on a machine that may have nothing but Python: `make setup`.
set -eu

uv_version=0.13.8

fail() {
    printf 'tonearm: %s\n' "$*" >&2
    exit 1
}

cd "$(dirname "$0")/.."

# A name on PATH need not be an interpreter that starts (version managers leave such names): each is tried.
python=
found=
for name in python3 python3.14 python3.13 python3.12 python3.11; do
    version=$("$name" -c 'import sys; print(".".join(map(str, sys.version_info[:3])))' 2>/dev/null) || continue
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$("$name" -c 'import sys; print(sys.executable)')
        break
    fi
    found="$found $name is $version,"
done
[ -n "$python" ] || fail "Python 3.11 or newer is needed;${found:-" none was found,"} install one from https://www.python.org/downloads/ or your package manager."

uv=$(command -v uv || true)
case "$uv" in
'' | */.uv/bin/uv)
    # None but ours, whose version is pinned.
    uv=.uv/bin/uv
    if ! "$uv" --version 2>/dev/null | grep -qw "^uv $uv_version"; then
        "$python" -c 'import ensurepip, venv' 2>/dev/null ||
            fail "$python has no venv; install it (Debian: apt-get install python3-venv), or install uv from https://docs.astral.sh/uv/."
        printf 'Installing uv %s into .uv\n' "$uv_version"
        "$python" -m venv --clear .uv
        .uv/bin/python -m pip install --quiet --disable-pip-version-check "uv==$uv_version" ||
            fail "uv could not be installed; see what pip says above, mend it and run the same command again."
    fi
    ;;
esac

printf 'Installing what uv.lock names into .venv\n'
UV_PYTHON_DOWNLOADS=never "$uv" sync --frozen --quiet --python "$python" ||
    fail "the environment could not be made; see what uv says above, mend it and run the same command again."
touch .venv/tonearm-is-set-up
