#!/bin/sh
# Prints the path of a uv program, installing one under ~/.cache/penstock where there is none. Exits 2 with the remedy if it cannot.
set -eu
if command -v uv >/dev/null 2>&1; then command -v uv; exit 0; fi
home="${XDG_CACHE_HOME:-$HOME/.cache}/penstock/uv"
if [ -x "$home/bin/uv" ]; then echo "$home/bin/uv"; exit 0; fi
mkdir -p "$home"
log="$home.log"
if python3 -m venv "$home" >"$log" 2>&1 && "$home/bin/python" -m pip install --quiet uv >>"$log" 2>&1; then
  echo "$home/bin/uv"; exit 0
fi
rm -rf "$home"
if python3 -m pip install --quiet --target "$home" uv >>"$log" 2>&1 && [ -x "$home/bin/uv" ]; then
  echo "$home/bin/uv"; exit 0
fi
rm -rf "$home"
echo "penstock: neither 'python3 -m venv' nor pip works here (details: $log). Run: apt-get install -y python3-venv" >&2
exit 2
