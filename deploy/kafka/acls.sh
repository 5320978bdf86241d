#!/usr/bin/env bash
# Grants what acls.txt lists: deploy/kafka/acls.sh BOOTSTRAP ADMIN.properties
# With --print it only shows the commands of kafka-acls.sh. Users are made by your cluster's own means.
set -euo pipefail
folder=$(dirname "$0")
run() { "${KAFKA_ACLS:-kafka-acls.sh}" "$@"; }
connection=()
if [ "${1:-}" = --print ]; then
  run() { echo "kafka-acls.sh $*"; }
elif [ $# -eq 2 ]; then
  connection=(--bootstrap-server "$1" --command-config "$2")
else
  echo "usage: $0 BOOTSTRAP ADMIN.properties   (a file with an administrator's login), or: $0 --print" >&2
  exit 2
fi
while read -r principal operations resource name; do
  case $principal in '#'* | '') continue ;; esac
  pattern=literal
  case $name in *'*') pattern=prefixed name=${name%'*'} ;; esac
  rights=()
  for operation in ${operations//,/ }; do rights+=(--operation "$operation"); done
  run "${connection[@]}" --add --allow-principal "User:$principal" "${rights[@]}" \
    "--$resource" "$name" --resource-pattern-type "$pattern"
done <"$folder/acls.txt"
