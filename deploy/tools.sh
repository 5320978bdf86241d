#!/usr/bin/env bash
# Brings promtool, which the tests of the alerts use, into .chartfeed/tools: from Debian's package,
# unpacked there and installed nowhere. Does nothing where there is one, or no apt-get.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=.chartfeed/tools
if command -v promtool >/dev/null || [ -x $tools/promtool ] || ! command -v apt-get >/dev/null; then
  exit
fi
mkdir -p $tools
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
if ! (cd "$temporary" && timeout 120 apt-get -qq -o APT::Sandbox::User=root download prometheus) 2>/dev/null; then
  echo "promtool could not be brought (apt-get download prometheus); its tests are skipped" >&2
  exit
fi
dpkg -x "$temporary"/prometheus_*.deb "$temporary/unpacked"
mv "$temporary/unpacked/usr/bin/promtool" $tools/promtool
