#!/usr/bin/env bash
# Brings what only tests use: into .chartfeed/tools promtool and libfaketime (from Debian's packages) and
# axe-core (from npm), unpacked there and installed nowhere, and the schema of compose files (from its Go
# module); and Chromium by apt where root runs this. What can't be brought is said, and its tests are
# skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=.chartfeed/tools
mkdir -p $tools
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT

# unpacked PACKAGE FOLDER WHAT WHY_IT_MATTERS: Debian's package, unpacked there.
unpacked() {
  if ! (cd "$temporary" && timeout 120 apt-get -qq -o APT::Sandbox::User=root download "$1") 2>/dev/null; then
    echo "$3 could not be brought (apt-get download $1); $4" >&2
    return 1
  fi
  dpkg -x "$temporary/$1"_*.deb "$2"
}

bring_promtool() {
  if command -v promtool >/dev/null || [ -x $tools/promtool ] || ! command -v apt-get >/dev/null; then
    return
  fi
  if unpacked prometheus "$temporary/unpacked" promtool "its tests are skipped"; then
    mv "$temporary/unpacked/usr/bin/promtool" $tools/promtool
  fi
}

bring_libfaketime() {
  if compgen -G '/usr/lib/*/faketime/libfaketimeMT.so.1' >/dev/null || ! command -v apt-get >/dev/null ||
    compgen -G "$tools/usr/lib/*/faketime/libfaketimeMT.so.1" >/dev/null; then
    return
  fi
  unpacked libfaketime $tools libfaketime "no clock is stepped" || return 0
}

axe=axe-core-4.14.1
axe_sha512=1477dafa598d8d065f273d6af302aa203c02e83131707b7fa648cd41bd3d6b734f8c22a0dab86ee6a6f64b8afbe804b214d36db85a2826965edfb3a0b9d546b5
bring_axe() {
  if [ -f $tools/axe-core/axe.min.js ]; then
    return
  fi
  if ! command -v npm >/dev/null ||
    ! (cd "$temporary" && timeout 120 npm pack --silent "${axe/core-/core@}" >/dev/null 2>&1); then
    echo "axe-core could not be brought (npm pack ${axe/core-/core@}); pages are not judged by it" >&2
    return
  fi
  echo "$axe_sha512  $temporary/$axe.tgz" | sha512sum --check --quiet
  tar -xzf "$temporary/$axe.tgz" -C "$temporary"
  mv "$temporary/package" $tools/axe-core
}

compose=github.com/compose-spec/compose-go/v2@v2.9.1
bring_compose_schema() {
  if [ -f $tools/compose-spec.json ]; then
    return
  fi
  # The module's sum is checked by go itself.
  if ! command -v go >/dev/null ||
    ! (cd "$temporary" && GOFLAGS=-modcacherw GOPATH="$temporary/go" timeout 120 go mod download $compose 2>/dev/null); then
    echo "the schema of compose files could not be brought (go mod download $compose); its test is skipped" >&2
    return
  fi
  cp "$temporary/go/pkg/mod/$compose/schema/compose-spec.json" $tools
}

bring_chromium() {
  if command -v chromium >/dev/null || command -v chromium-browser >/dev/null ||
    command -v google-chrome >/dev/null; then
    return
  fi
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null ||
    ! DEBIAN_FRONTEND=noninteractive timeout 600 apt-get install --yes -q --no-install-recommends chromium >/dev/null 2>&1; then
    echo "there is no Chromium (apt-get install chromium); the tests in a browser are skipped" >&2
  fi
}

bring_promtool
bring_libfaketime
bring_axe
bring_compose_schema
bring_chromium
