#!/bin/sh
# A Prometheus that scrapes three relays and evaluates rules each second, as deploy/prometheus/prometheus.yml says: alerts fire
# and clear in time, the dashboard has its series, samples that came in have an outcome to the last one, names keep their signs,
# and a hundred thousand topics have two hundred labels. prometheus/scrape.py is what runs.
# lane: full 240
set -eu
# The store reserves room for its chunks, which in memory is memory.
disk=$(mktemp -d)
trap 'rm -rf "$disk"' EXIT
trap 'exit 1' HUP INT TERM
SMT_ROOT=$TMP/root python3 "$1/tests/deploy/prometheus/scrape.py" "$1" "$2/bin" "$disk"
