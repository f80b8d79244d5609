#!/bin/sh
# Make the tar of a Debian base with Python, for a machine that can reach a Debian mirror and no image registry:
#
#   scripts/make_base_image.sh base.tar && docker import base.tar local/python:3.13-debootstrap-trixie
#
# As root, with debootstrap. The mirror is the one of this machine's own apt, or APT_MIRROR; the tar does not name it.
set -eu

suite=trixie
packages=ca-certificates,python3,python3-venv

fail() {
    printf 'tonearm: %s\n' "$*" >&2
    exit 1
}

[ $# = 1 ] || fail "usage: $0 OUT.tar"
out=$1
[ "$(id -u)" = 0 ] || fail "debootstrap needs root."
command -v debootstrap >/dev/null || fail "debootstrap is not installed; apt-get install debootstrap."
# shellcheck disable=SC2016  # apt-get fills it in
mirror=${APT_MIRROR:-$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Label: Debian' | head -n 1)}
[ -n "$mirror" ] || fail "this machine's apt has no Debian mirror; set APT_MIRROR, http://deb.debian.org/debian say."

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
trap 'exit 1' HUP INT TERM

debootstrap --variant=minbase --include="$packages" --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
    "$suite" "$root" "$mirror" >&2

# What the official slim images leave out, and what names this machine or its mirror.
cd "$root"
rm -rf var/cache/apt/archives/*.deb var/cache/apt/*.bin var/lib/apt/lists/* var/log/* tmp/* \
    usr/share/doc/* usr/share/info/* usr/share/lintian/* usr/share/locale/* usr/share/man/* \
    etc/apt/sources.list etc/apt/sources.list.d/* etc/hostname etc/resolv.conf
cd "$OLDPWD"
tar -C "$root" --numeric-owner --one-file-system --sort=name -cf "$out.partial" .
mv "$out.partial" "$out"
