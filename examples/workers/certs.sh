#!/bin/sh
# Makes a certificate authority, and a certificate for the server: ./certs.sh FOLDER [HOST...]
set -eu
folder=$1
shift
mkdir -p "$folder"
cd "$folder"
names=DNS:localhost,IP:127.0.0.1
for host in "$@"; do names=$names,DNS:$host; done
umask 077
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 825 -subj '/CN=regen workers' \
  -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign,cRLSign' \
  -keyout ca.key -out ca.pem 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=nats' \
  -keyout server.key -out server.csr 2>/dev/null
printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\n' "$names" > server.ext
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 825 -extfile server.ext \
  -out server.pem 2>/dev/null
rm server.csr server.ext ca.srl
echo "$folder: ca.pem for coordinator and workers; server.pem and server.key for the server; keep ca.key"
