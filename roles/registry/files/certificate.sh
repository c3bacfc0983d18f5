#!/bin/sh
# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Keeps a private certificate authority and a server certificate in a folder:
#   ca.key (0600), ca.crt, server.key (0640, readable by the server's group), server.crt
#
# certificate.sh --issue|--check FOLDER GROUP CA_DAYS DAYS RENEW_DAYS NAME...
#
# Prints a line for each thing that is (--issue) or would be (--check) made anew, and nothing when all is good.
set -eu
umask 077

mode=$1 folder=$2 group=$3 ca_days=$4 days=$5 renew=$(($6 * 86400))
shift 6
# "$@" are the names from here on.

lasts() { openssl x509 -in "$1" -noout -checkend "$renew" >/dev/null 2>&1; }

public_key() { openssl pkey -in "$1" -pubout 2>/dev/null; }

certified_key() { openssl x509 -in "$1" -noout -pubkey 2>/dev/null; }

# Whether certificate $1 belongs to key $2.
belongs() { [ -s "$1" ] && [ -s "$2" ] && [ "$(certified_key "$1")" = "$(public_key "$2")" ]; }

is_address() { case $1 in *:*) true ;; *[!0-9.]*) false ;; *) true ;; esac; }

# Whether server.crt is valid for name $1.
covers() {
    if is_address "$1"; then option=-checkip; else option=-checkhost; fi
    ! openssl x509 -in server.crt -noout "$option" "$1" | grep -q "NOT match"
}

server_is_good() {
    belongs server.crt server.key && lasts server.crt \
        && openssl verify -CAfile ca.crt server.crt >/dev/null 2>&1 || return 1
    for name in "$@"; do
        covers "$name" || return 1
    done
}

alternative_names() {
    for name in "$@"; do
        if is_address "$name"; then printf 'IP:%s,' "$name"; else printf 'DNS:%s,' "$name"; fi
    done | sed 's/,$//'
}

make_authority() {
    openssl req -x509 -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -sha256 \
        -keyout ca.key.new -out ca.crt.new -days "$ca_days" -subj "/CN=hundred registry authority" \
        -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign" 2>/dev/null
    chmod 0644 ca.crt.new
    mv ca.key.new ca.key
    mv ca.crt.new ca.crt
}

# The same key and name: what it signed before stays valid.
renew_authority() {
    openssl x509 -in ca.crt -signkey ca.key -days "$ca_days" -sha256 -out ca.crt.new 2>/dev/null
    chmod 0644 ca.crt.new
    mv ca.crt.new ca.crt
}

make_server() {
    cat >server.ext <<EOF
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth
subjectAltName=$(alternative_names "$@")
EOF
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -sha256 \
        -keyout server.key.new -out server.csr -subj "/CN=hundred registry" 2>/dev/null
    openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -set_serial "0x$(openssl rand -hex 16)" \
        -days "$days" -sha256 -extfile server.ext -out server.crt.new 2>/dev/null
    chgrp "$group" server.key.new
    chmod 0640 server.key.new
    chmod 0644 server.crt.new
    mv server.key.new server.key
    mv server.crt.new server.crt
    rm server.csr server.ext
}

would=
if [ "$mode" = --check ]; then would="would be "; fi
if ! cd "$folder" 2>/dev/null || ! command -v openssl >/dev/null; then
    [ -n "$would" ] || { echo "no openssl, or no folder $folder" >&2; exit 1; }
    echo "authority and certificate ${would}made"
    exit 0
fi

if ! belongs ca.crt ca.key; then
    echo "authority ${would}made"
    [ -n "$would" ] || make_authority
elif ! lasts ca.crt; then
    echo "authority ${would}renewed"
    [ -n "$would" ] || renew_authority
fi

if ! server_is_good "$@"; then
    echo "certificate ${would}made for $*"
    [ -n "$would" ] || make_server "$@"
fi
