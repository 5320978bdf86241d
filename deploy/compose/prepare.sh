#!/bin/sh
# Makes the passwords and the certificate that are missing, and gives each volume to the user that writes there.
set -eu
umask 077

secret() { # FILE OWNER PREFIX
  if [ ! -s "$1" ]; then
    printf '%s%s' "$3" "$(python -c 'import secrets; print(secrets.token_urlsafe(24))')" > "$1.new"
    mv "$1.new" "$1"
  fi
  chown "$2" "$1"
  chmod 0440 "$1"
}

# 10001 is SQL Server's user and ours; SQL Server asks for characters of three kinds.
secret /secrets/sa/password 10001:10001 'Aa1-'
secret /secrets/reader/password 10001:10001 'Aa1-'
# Ours serves metrics to who shows this; the group is Prometheus's.
secret /secrets/metrics/token 10001:65534 ''
secret /secrets/grafana/password 472:472 ''

# The console's certificate, for this machine's own names.
sh /certificate.sh /secrets/console
chown 10001:10001 /secrets/console/tls.key /secrets/console/tls.crt
chmod 0440 /secrets/console/tls.key /secrets/console/tls.crt

for owner in /volumes/*; do
  for folder in "$owner"/*; do
    chown "${owner##*/}:${owner##*/}" "$folder"
    chmod 0750 "$folder"
  done
done
