#!/usr/bin/env bash
# Brings what the project needs: system packages by apt, Python packages by their lock, jars by Maven.
# Exits 3, with the line to run, where system packages are missing and may not be installed.
set -euo pipefail
cd "$(dirname "$0")/.."

python=""
for name in python3.11 python3.12 python3.13 python3; do
  if command -v "$name" >/dev/null && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    python=$name
    break
  fi
done
if [ -z "$python" ]; then
  echo "chartfeed needs Python 3.11 or newer. Run: sudo apt-get install --yes python3 python3-venv" >&2
  exit 3
fi

missing=()
libraries=$(PATH=$PATH:/sbin:/usr/sbin ldconfig -p)
has_library() { [[ $libraries == *"$1"* ]]; }
has_library libodbc.so.2 || missing+=(unixodbc)
has_library libgssapi_krb5.so.2 || missing+=(libgssapi-krb5-2)
has_library libssl.so.3 || missing+=(libssl3)
# FreeTDS' driver is one of the clients that the tests put before the stand-in.
compgen -G '/usr/lib/*/odbc/libtdsodbc.so' >/dev/null || missing+=(tdsodbc)
command -v mvn >/dev/null || missing+=(maven)
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
  missing+=("$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')")

if [ ${#missing[@]} -gt 0 ]; then
  sudo="" shown=""
  [ "$(id -u)" = 0 ] || { sudo="sudo -n" shown="sudo "; }
  line="${shown}apt-get update && ${shown}apt-get install --yes --no-install-recommends ${missing[*]}"
  if ! command -v apt-get >/dev/null; then
    echo "This system has no apt-get. Install by its own means what Debian calls: ${missing[*]}" >&2
    exit 3
  fi
  if [ -n "$sudo" ] && ! $sudo true 2>/dev/null; then
    echo "System packages are missing. Run: $line" >&2
    exit 3
  fi
  echo "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  $sudo apt-get update -q >/dev/null
  if ! $sudo apt-get install --yes -q --no-install-recommends "${missing[@]}" >/dev/null; then
    echo "apt could not install them. Run: $line" >&2
    exit 3
  fi
fi

[ -x .venv/bin/python ] || "$python" -m venv .venv
if ! .venv/bin/uv --version 2>/dev/null | grep -q "^uv $(sed -n 's/^uv==\([^ ]*\).*/\1/p' bootstrap.lock)"; then
  .venv/bin/python -m pip install --quiet --require-hashes --requirement bootstrap.lock
fi
export VIRTUAL_ENV=$PWD/.venv
echo "installing the Python packages of requirements.lock"
.venv/bin/uv pip install --quiet --compile-bytecode --require-hashes --requirement requirements.lock
.venv/bin/uv pip install --quiet --no-deps --no-build-isolation --editable .
.venv/bin/python -m deploy.local.java
