#!/usr/bin/env bash
# Writes requirements.lock and deploy/requirements.lock, its part that runs in production, from
# pyproject.toml; with --check, says whether they are current.
# What is locked stays as it is while it fits, so that only pyproject.toml changes the files.
set -euo pipefail
cd "$(dirname "$0")/.."
compile() {
  .venv/bin/uv pip compile "$@" pyproject.toml --universal --python-version 3.11 \
    --generate-hashes --no-emit-index-url --no-header --quiet
}
both() { # FOLDER
  compile --all-extras --output-file "$1/requirements.lock" >/dev/null
  # The same versions as in the whole lock, so that what is tested is what runs.
  grep -E '^[a-zA-Z0-9_.-]+==' "$1/requirements.lock" | sed 's/ \\$//' >"$1/constraints.txt"
  compile --constraint "$1/constraints.txt" --no-annotate --output-file "$1/deploy/requirements.lock" >/dev/null
}
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
mkdir "$fresh/deploy"
for lock in requirements.lock deploy/requirements.lock; do
  [ ! -f $lock ] || cp $lock "$fresh/$lock"
done
both "$fresh"
for lock in requirements.lock deploy/requirements.lock; do
  if [ "${1:-}" != --check ]; then
    cp "$fresh/$lock" $lock
  elif ! diff -u $lock "$fresh/$lock"; then
    echo "$lock does not fit pyproject.toml any more. Run: make lock" >&2
    exit 1
  fi
done
[ "${1:-}" != --check ] || echo "requirements.lock and deploy/requirements.lock are current"
