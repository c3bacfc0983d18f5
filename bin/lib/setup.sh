# shellcheck shell=bash
# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Makes ready what is needed and not there: Debian packages, .venv, the engine. Each is quick when
# nothing is to be done. Sourced after common.sh.

# ensure_packages NAME...: install the Debian packages that are missing.
ensure_packages() {
  local name missing=()
  command -v dpkg-query >/dev/null || die "not a Debian or Ubuntu machine: install $* yourself"
  for name in "$@"; do
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null) == installed ]] || missing+=("$name")
  done
  ((${#missing[@]})) || return 0
  ((EUID == 0)) || command -v sudo >/dev/null || die "install ${missing[*]}, or run this as root or with sudo"
  say "installing Debian packages: ${missing[*]}"
  # The lists are fetched only when they do not serve: a fresh machine has none, an old one stale ones.
  apt_install "${missing[@]}" 2>/dev/null && return 0
  as_root apt-get update -qq >"$CACHE/apt.log" 2>&1 && apt_install "${missing[@]}" 2>>"$CACHE/apt.log" && return 0
  tail -n 20 "$CACHE/apt.log" >&2
  die "could not install ${missing[*]}; the whole log is $CACHE/apt.log"
}

# ensure_programs NAME...: the same for packages of daemons of which tests want the programs only: none is started,
# and those that run stay as they are.
ensure_programs() {
  local policy=/usr/sbin/policy-rc.d ours=
  if [[ ! -e $policy ]]; then
    ours=yes
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
  fi
  ensure_packages "$@"
  [[ -z $ours ]] || as_root rm -f "$policy"
}

apt_install() {
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -qq -y --no-install-recommends "$@" </dev/null >>"$CACHE/apt.log"
}

# The Pythons that ansible-core 2.19 runs on.
serves() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }

# find_python: print the interpreter to make .venv with: $PYTHON if set, else the first that serves.
find_python() {
  local candidate
  for candidate in ${PYTHON:+"$PYTHON"} python3 python3.13 python3.12 python3.11 /usr/bin/python3; do
    if serves "$candidate"; then
      "$candidate" -c 'import sys; print(sys.executable)'
      return 0
    fi
  done
  return 1
}

# ensure_venv: make .venv with requirements-dev.txt, again whenever that file, the interpreter or the
# place of the checkout changes; PATH then starts with it.
ensure_venv() {
  local python stamp
  python=$(find_python) || {
    ensure_packages python3
    python=$(find_python) || { ensure_packages python3.11 && python=$(find_python); } ||
      die "no Python 3.11, 3.12 or 3.13 here, which ansible-core 2.19 needs; set PYTHON to one"
  }
  stamp="$ROOT $python $("$python" -V) $(sha256sum <"$ROOT/requirements-dev.txt")"
  (
    flock 9
    [[ $(cat "$VENV/stamp" 2>/dev/null) == "$stamp" ]] || make_venv "$python" "$stamp"
  ) 9>"$CACHE/venv.lock" || exit 1
  export VIRTUAL_ENV=$VENV PATH=$VENV/bin:$PATH
  unset PYTHONHOME
}

make_venv() {
  local python=$1 stamp=$2 log=$CACHE/venv.log
  "$python" -c 'import ensurepip, venv' 2>/dev/null ||
    ensure_packages "python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
  say "making .venv with $("$python" -V) (log: .cache/venv.log)"
  if ! "$python" -m venv --clear "$VENV" >"$log" 2>&1 ||
    ! "$VENV/bin/python" -m pip install --disable-pip-version-check -r "$ROOT/requirements-dev.txt" >>"$log" 2>&1; then
    grep -v '^WARNING' "$log" | tail -n 20 >&2
    die "could not make .venv; the whole log is $log"
  fi
  printf '%s' "$stamp" >"$VENV/stamp"
}

# ensure_engine: what the test lab needs, and a Docker engine that answers; both are tests/lab's to know.
ensure_engine() {
  local lab=$ROOT/tests/lab log=$CACHE/engine.log
  say "looking after the engine and what the test lab needs (log: .cache/engine.log)"
  # To a file: an engine that kept our output open would keep whoever reads it waiting.
  if ! { bash "$lab/requirements.sh" && bash "$lab/start-engine.sh" && docker version; } >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    die "no Docker engine to test with; the whole log is $log"
  fi
}
