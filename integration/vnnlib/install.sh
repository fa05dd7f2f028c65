#!/usr/bin/env bash
set -euo pipefail

# With compiled searches (fast), and float32 replays of assignments (runtime).
# EXACTLUMP, if set, is another place to install from: a folder with the sources, or a wheel.
version=0.1.0
if [ -n "${EXACTLUMP:-}" ]; then
    pip install "exactlump[fast,runtime] @ file://$(realpath "$EXACTLUMP")"
else
    pip install "exactlump[fast,runtime]==$version"
fi
test "$(exactlump --version)" = "$version"
