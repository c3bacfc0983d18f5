#!/usr/bin/env bash
# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Installs what the test lab needs on Debian 12 or later, or Ubuntu, when it is missing.
set -euo pipefail

as_root() { if [[ $EUID -eq 0 ]]; then "$@"; else sudo "$@"; fi; }

available() { apt-cache policy "$1" 2>/dev/null | grep -q 'Candidate: [^(]'; }

installed() { [[ "$(dpkg-query -Wf '${db:Status-Status}' "$1" 2>/dev/null)" == installed ]]; }

wanted=(ca-certificates debian-archive-keyring mmdebstrap openssh-client openssl python3)
# An engine from elsewhere (docker-ce) is left alone; Debian's would be in conflict with it.
if ! command -v dockerd >/dev/null && [[ ! -x /usr/sbin/dockerd ]]; then
  wanted+=(docker.io iptables)
fi

missing=()
for package in "${wanted[@]}"; do
  installed "$package" || missing+=("$package")
done
no_client=$(command -v docker >/dev/null || echo yes)
if [[ ${#missing[@]} -eq 0 && -z "$no_client" ]]; then
  exit 0
fi

as_root apt-get update -qq
# From Debian 13 on the client is a package of its own.
if [[ -n "$no_client" ]] && available docker-cli; then
  missing+=(docker-cli)
fi
as_root env DEBIAN_FRONTEND=noninteractive \
  apt-get install --yes --quiet --no-install-recommends "${missing[@]}"
