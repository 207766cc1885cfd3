#!/usr/bin/env bash
# What the workloads of bench/choose want beside weft: an environment with NumPy, Pillow, lxml and psycopg, and
# PostgreSQL where this user may install packages. What is missing later is skipped, and the runner says so.
# Usage: bench/choose/setup.sh [FOLDER]   (then: FOLDER/bin/python -m bench.choose)
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=${1:-/tmp/weft-choose-venv}
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet -e '.[numpy]' pillow lxml 'psycopg[binary]'
if ! command -v initdb >/dev/null && ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql >/dev/null
  else
    echo "PostgreSQL is not installed; its workloads will be skipped"
  fi
fi
echo "$folder/bin/python -m bench.choose"
