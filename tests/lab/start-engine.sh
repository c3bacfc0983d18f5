#!/usr/bin/env bash
# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Starts this machine's Docker engine unless it answers already. Needs root or sudo then.
# Where systemd is not the first process, dockerd is started as it is: Debian's init script raises
# limits that small virtual machines and CI runners do not let it raise, and fails.
set -euo pipefail

readonly log=/var/log/hundred-lab-dockerd.log
readonly pid_file=/var/run/docker.pid
# Seconds; 2 s are usual.
readonly patience=60

engine_answers() { docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

as_root() { if [[ $EUID -eq 0 ]]; then "$@"; else sudo "$@"; fi; }

wait_for_engine() {
  local deadline=$((SECONDS + patience))
  until engine_answers || as_root docker version >/dev/null 2>&1; do
    if ((SECONDS >= deadline)); then
      echo "start-engine: dockerd does not answer after ${patience} s; see $1" >&2
      return 1
    fi
    sleep 0.2
  done
}

# A pid file that outlived a reboot names some other process by now, and dockerd would not start.
forget_stale_pid() {
  local pid
  pid=$(cat "$pid_file" 2>/dev/null) || return 0
  if [[ "$(cat "/proc/$pid/comm" 2>/dev/null)" != dockerd ]]; then
    as_root rm -f "$pid_file"
  fi
}

if engine_answers; then
  exit 0
fi
if ! command -v dockerd >/dev/null && [[ ! -x /usr/sbin/dockerd ]]; then
  echo "start-engine: no dockerd here; run tests/lab/requirements.sh first" >&2
  exit 1
fi
if [[ -d /run/systemd/system ]]; then
  as_root systemctl start docker
  wait_for_engine "journalctl -u docker"
else
  forget_stale_pid
  # shellcheck disable=SC2016
  # The whole job lets go of the caller's output: who pipes it would wait for the engine's end otherwise.
  as_root setsid bash -c 'exec dockerd >>"$1" 2>&1' dockerd "$log" >/dev/null 2>&1 </dev/null &
  if ! wait_for_engine "$log"; then
    as_root tail -n 20 "$log" >&2
    exit 1
  fi
fi
if ! engine_answers; then
  echo "start-engine: the engine runs, but only root may use it; join the group docker or use sudo" >&2
  exit 1
fi
