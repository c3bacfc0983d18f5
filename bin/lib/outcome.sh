# shellcheck shell=bash
# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Steps, their counts and the closing line of bin/test. Sourced after common.sh.
#
# A part's counts are lines "passed failed skipped" in $RESULTS/<part>, so that parts may run in
# processes of their own. $LOGS/<part>-<step>.log keeps what each step said.

RESULTS=$(mktemp -d "$CACHE/results.XXXXXX")
LOGS=$CACHE/logs
mkdir -p "$LOGS"

# count PART PASSED FAILED SKIPPED: add to the part's counts.
count() { printf '%d %d %d\n' "$2" "$3" "$4" >>"$RESULTS/$1"; }

# step PART NAME COMMAND...: run the command as one test. What it says goes to a log, and to the
# screen when it fails.
step() {
  local part=$1 name=$2 begun=$SECONDS
  local log=$LOGS/$part-${name//[^a-zA-Z0-9]/-}.log
  shift 2
  # Without the lock of alone(): a daemon that the command starts would hold it for ever.
  if ("$@") >"$log" 2>&1 </dev/null 8>&-; then
    count "$part" 1 0 0
    printf '  ok    %s: %s (%d s)\n' "$part" "$name" $((SECONDS - begun))
  else
    local status=$?
    count "$part" 0 1 0
    sed 's/^/    /' "$log"
    printf '  FAIL  %s: %s (exit %d, %d s, log %s)\n' "$part" "$name" "$status" $((SECONDS - begun)) "${log#"$ROOT/"}"
    return 1
  fi
}

# count_junit PART STATUS FILE...: add the counts of JUnit files, written by a command that ended with
# STATUS. A part in which no test was run (skipped is not run) fails, and so does a bad status that no
# failed test explains.
count_junit() {
  local part=$1 status=$2 passed failed skipped
  shift 2
  read -r passed failed skipped < <("$VENV/bin/python" "$ROOT/bin/lib/junit_counts.py" "$@")
  if ((passed + failed == 0)); then
    printf '  FAIL  %s: no test was run, %d skipped\n' "$part" "$skipped"
    failed=1
  elif ((status != 0 && failed == 0)); then
    printf '  FAIL  %s: exit %d although no test failed\n' "$part" "$status"
    failed=1
  fi
  count "$part" "$passed" "$failed" "$skipped"
  ((failed == 0))
}

# alone PART: wait until no other run in this checkout is in that part, and keep others out.
alone() {
  exec 8>"$CACHE/$1.lock"
  flock --nonblock 8 || { say "$1: waiting for another run of it"; flock 8; }
}

# summary PART...: a line for each part, then the closing line; fails when a test failed or none ran.
summary() {
  local part passed=0 failed=0 skipped=0 p f s
  printf '\n%-12s %8s %8s %8s %8s\n' part passed failed skipped seconds
  for part in "$@"; do
    if [[ -s $RESULTS/$part ]]; then
      read -r p f s < <(awk '{ p += $1; f += $2; s += $3 } END { print p, f, s }' "$RESULTS/$part")
    else
      p=0 f=1 s=0 # a part that counted nothing ran no test
    fi
    printf '%-12s %8d %8d %8d %8s\n' "$part" "$p" "$f" "$s" "$(cat "$RESULTS/$part.seconds" 2>/dev/null || echo -)"
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  done
  printf '\n%d passed, %d failed' "$passed" "$failed"
  ((skipped == 0)) || printf ', %d skipped' "$skipped"
  printf '\n'
  ((failed == 0 && passed > 0))
}
