#!/bin/sh
# Starts a part of the runtime by its word, or any other command as it is.
set -e
case "${1:-help}" in
  help) exec penstock --help ;;
  jobmanager | taskmanager | run | list | info | stop | savepoint | cancel) exec penstock "$@" ;;
  *) exec "$@" ;;
esac
