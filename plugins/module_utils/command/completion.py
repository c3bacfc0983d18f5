# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The completion of the command line for bash."""

from __future__ import annotations

# Services are the folders of the state, which only root can list; for others nothing is offered.
BASH = """\
# Written by hundred.containers: bash completion for hundred.
_hundred() {
  local current=${COMP_WORDS[COMP_CWORD]} commands words
  commands="status logs history doctor stop start restart run console job"
  if ((COMP_CWORD == 1)); then
    words="$commands services supervise completion --help"
  elif ((COMP_CWORD == 2)); then
    case ${COMP_WORDS[1]} in
      status | logs | history | stop | start | restart | run | console | job)
        words="$(hundred services 2>/dev/null) --help"
        ;;
      completion) words=bash ;;
      *) words=--help ;;
    esac
  else
    case ${COMP_WORDS[1]} in
      logs) words="--follow --lines" ;;
      history) words="--entries --output --json" ;;
      status | doctor) words=--json ;;
      stop | start | restart) words="--check --lock-timeout --json" ;;
      run | console) words="--revision --timeout --" ;;
      *) words= ;;
    esac
  fi
  # shellcheck disable=SC2207
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _hundred hundred
"""
