# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The completion of the command line for bash."""

from __future__ import annotations

# What is offered comes from the command itself. Only root can list the state; for others nothing is
# offered.
BASH = """\
# Written by hundred.containers: bash completion for hundred.
_hundred() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  local command=${COMP_WORDS[1]} service='' options='' values='' words='' i
  if ((COMP_CWORD == 1)); then
    words="status logs history doctor stop start restart run console job"
    words="$words services entries revisions supervise completion --help"
    # shellcheck disable=SC2207
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    return
  fi
  case $command in
    status | doctor) options=--json ;;
    logs) options="--follow --lines" values="-n --lines" ;;
    history) options="--entries --output --json" values="-n --entries" ;;
    stop | start | restart) options="--check --lock-timeout --json" values=--lock-timeout ;;
    run | console)
      options="--revision --generation --timeout --"
      values="--revision --generation --timeout"
      ;;
  esac
  for ((i = 2; i < COMP_CWORD; i++)); do
    # Behind -- are the words of a command in the image, which this host does not know.
    [[ ${COMP_WORDS[i]} == -- ]] && return
    if [[ " $values " == *" ${COMP_WORDS[i]} "* ]]; then
      ((i++))
    elif [[ -z $service && ${COMP_WORDS[i]} != -* ]]; then
      service=${COMP_WORDS[i]}
    fi
  done
  if [[ -n $previous && " $values " == *" $previous "* ]]; then
    # The option may stand before the service whose revisions are wanted.
    [[ $previous == --revision ]] &&
      words=$(for i in ${service:-$(hundred services 2>/dev/null)}; do
        hundred revisions "$i" 2>/dev/null
      done)
  else
    words="$options --help"
    case $command in
      completion) words="$words bash" ;;
      doctor | services | supervise) ;;
      *) [[ -n $service ]] || words="$(hundred services 2>/dev/null) $words" ;;
    esac
    [[ $command == job && -n $service ]] &&
      words="$words $(hundred entries "$service" 2>/dev/null)"
  fi
  # shellcheck disable=SC2207
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _hundred hundred
"""
