#!/bin/sh
# Starts the operator by the words that charts written for Apache Flink's operator use, or its own commands.
set -e
case "${1:-operator}" in
  operator) [ $# -eq 0 ] || shift; exec penstock-operator run "$@" ;;
  run | webhook | crds | uninstall | local) exec penstock-operator "$@" ;;
  *) exec "$@" ;;
esac
