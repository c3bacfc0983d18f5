# shellcheck shell=bash
# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What bin/test and bin/demo share: where things are, and how to speak. Sourced, not run:
#
#     source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
#
# Sets ROOT (the checkout), CACHE (everything made for tests and demo, never committed), VENV.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
CACHE=$ROOT/.cache
VENV=$ROOT/.venv
export ROOT CACHE VENV
mkdir -p "$CACHE"

# say TEXT...: one line about what is going on, on standard error: standard output is for results.
say() { printf '%s\n' "$*" >&2; }

# die TEXT...: say what failed and what to do, and end with 1.
die() {
  say "error: $*"
  exit 1
}

# as_root COMMAND...: run it as root, through sudo unless we are root already.
as_root() {
  if ((EUID == 0)); then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "root is needed for \"$*\": run this as root, or install sudo"
  fi
}

# become_root SCRIPT ARG...: go on as root when we are not, with the environment kept (pip's settings,
# PATH); what root then makes under .cache and .venv is given back to the caller at the end.
become_root() {
  ((EUID != 0)) || return 0
  command -v sudo >/dev/null || die "root is needed: run this as root, or install sudo"
  exec sudo --preserve-env env "PATH=$PATH" "HOME=$HOME" bash "$@"
}

# give_back: the other half of become_root, for a trap on EXIT.
give_back() {
  if ((EUID == 0)) && [[ -n ${SUDO_UID:-} ]]; then
    for made in "$CACHE" "$VENV"; do
      [[ ! -e $made ]] || chown -R --no-dereference "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$made"
    done
  fi
}
