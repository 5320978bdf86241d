#!/bin/sh
# certificate.sh FOLDER [NAME…]: makes tls.crt and tls.key there for the console, where they are missing
# or end within a month. It is signed by itself: browsers ask once whether to trust it. Names are like
# DNS:console.example.org or IP:192.0.2.7; without any it is this machine's own.
set -eu
umask 077
folder=$1
shift
names=DNS:localhost,IP:127.0.0.1
for name in "$@"; do names=$names,$name; done

if [ -s "$folder/tls.key" ] && openssl x509 -noout -checkend 2592000 -in "$folder/tls.crt" >/dev/null; then
  exit 0
fi
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 397 \
  -subj /CN=chartfeed-console -addext "subjectAltName=$names" \
  -addext basicConstraints=critical,CA:FALSE -addext extendedKeyUsage=serverAuth \
  -keyout "$folder/tls.key" -out "$folder/tls.crt" 2>/dev/null
