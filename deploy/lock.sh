#!/usr/bin/env bash
# Writes requirements.lock from pyproject.toml; with --check, says whether it is current.
# What is locked stays as it is while it fits, so that only pyproject.toml changes the file.
set -euo pipefail
cd "$(dirname "$0")/.."
compile() {
  .venv/bin/uv pip compile "$@" pyproject.toml --all-extras --universal --python-version 3.11 \
    --generate-hashes --no-emit-index-url --no-header --quiet
}
if [ "${1:-}" != --check ]; then
  compile --output-file requirements.lock
  exit
fi
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
cp requirements.lock "$fresh/requirements.lock"
compile --output-file "$fresh/requirements.lock" >/dev/null
if ! diff -u requirements.lock "$fresh/requirements.lock"; then
  echo "requirements.lock does not fit pyproject.toml any more. Run: make lock" >&2
  exit 1
fi
echo "requirements.lock is current"
