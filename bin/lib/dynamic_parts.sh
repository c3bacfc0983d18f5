# shellcheck shell=bash
# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The parts of bin/test that run the product: unit, integration, molecule, demo, benchmark. Sourced after
# outcome.sh; PYTEST_ARGS holds what the caller wrote after "--".

# Seconds after which a scenario or the demo is taken to hang.
HANGS=1200

# run_pytest PART PATH...: its output goes to the screen; its counts are read from its JUnit file.
run_pytest() {
  local part=$1 status junit=$RESULTS/$1.xml
  shift
  python -m pytest --junitxml="$junit" "$@" "${PYTEST_ARGS[@]}" </dev/null
  status=$?
  count_junit "$part" "$status" "$junit"
}

part_unit() { run_pytest unit tests/unit; }

part_integration() {
  local path paths=(tests/integration)
  for path in tests/lab tests/load tests/app; do
    [[ ! -d $ROOT/$path ]] || paths+=("$path")
  done
  # tests/integration/proxies runs these itself.
  ensure_programs haproxy nginx-light
  # Tests that assert how long something takes have the machine for themselves. The others wait for containers much of
  # the time, so three processes share it.
  pytest_phase timed "${paths[@]}"
  pytest_phase "not timed" --numprocesses=3 "${paths[@]}"
  count_junit integration "$PHASES_STATUS" "$RESULTS"/integration-*.xml
}

# pytest_phase MARKERS PATH...: the tests with these markers, as one of several runs of integration. That none is
# chosen (5) is no failure of one phase: who asks for a test by name means the phase that has it.
PHASES_STATUS=0
pytest_phase() {
  local status markers=$1
  shift
  python -m pytest --junitxml="$RESULTS/integration-${markers// /-}.xml" -m "$markers" "$@" "${PYTEST_ARGS[@]}" </dev/null
  status=$?
  ((status == 0 || status == 5)) || PHASES_STATUS=$status
}

# run_scenario NAME: the whole Molecule sequence, which must end in at least one testinfra test.
run_scenario() {
  local scenario=$1 junit=$RESULTS/molecule-$1.xml passed failed skipped
  PYTEST_ADDOPTS="--junitxml=$junit" NO_COLOR=1 ANSIBLE_NOCOLOR=1 MOLECULE_COMMAND_BORDERS=false \
    timeout --kill-after=60 "$HANGS" molecule --base-config .config/molecule/config.yml test -s "$scenario" || return
  # Molecule itself ends well when it finds no test.
  read -r passed failed skipped < <(python bin/lib/junit_counts.py "$junit")
  echo "testinfra: $passed passed, $failed failed, $skipped skipped"
  ((passed > 0)) || { echo "no testinfra test ran in this scenario"; return 1; }
}

part_molecule() {
  local file scenarios=("$@")
  if ((${#scenarios[@]} == 0)); then
    for file in molecule/*/molecule.yml; do
      [[ ! -e $file ]] || scenarios+=("$(basename "$(dirname "$file")")")
    done
  fi
  alone molecule
  # Scenarios wait for packages and daemons most of the time, so three share the machine. The one of all roles takes
  # longest, and begins first.
  [[ " ${scenarios[*]} " != *" default "* ]] || begin_scenario default
  for file in "${scenarios[@]}"; do
    [[ $file != default ]] || continue
    while (($(jobs -rp | wc -l) >= 3)); do wait -n; done
    begin_scenario "$file"
  done
  wait
  for file in "${scenarios[@]}"; do
    cat "$RESULTS/molecule-$file.out"
  done
}

# begin_scenario NAME: run it beside the others.
begin_scenario() {
  set -m # a process group of its own, so that finish() reaches all of it
  step molecule "$1" run_scenario "$1" >"$RESULTS/molecule-$1.out" 2>&1 &
  set +m
}

# engine_contents: what a clean-up could forget, or take too much of.
engine_contents() {
  docker ps --all --no-trunc --format 'container {{.Names}}'
  docker network ls --format 'network {{.Name}}'
  docker volume ls --format 'volume {{.Name}}'
  docker images --format 'image {{.Repository}}' | grep '/shop$' | sort -u
  find /etc/docker/certs.d -mindepth 1 -maxdepth 1 -printf 'trusted registry %f\n' 2>/dev/null
  true
}

# as_before FILE: the engine holds what it held when FILE was written.
as_before() { diff <(sort "$1") <(engine_contents | sort); }

# interrupted_demo: bin/demo until version 2 serves, then what Ctrl-C does.
interrupted_demo() {
  local out=$RESULTS/interrupted-demo waited=0 pid
  set -m # a process group of its own, and SIGINT is not ignored in it
  bin/demo >"$out" 2>&1 &
  pid=$!
  set +m
  until grep -q '^== 4/6' "$out"; do
    if ! kill -0 "$pid" 2>/dev/null || ((waited++ >= HANGS)); then
      cat "$out"
      kill -- "-$pid" 2>/dev/null
      return 1
    fi
    sleep 1
  done
  kill -INT -- "-$pid"
  wait "$pid"
  cat "$out"
}

part_demo() {
  local before=$RESULTS/before-demo
  alone demo
  engine_contents >"$before"
  # Not where it is by default: the clean-up has to know by itself where it was.
  export HUNDRED_DEMO_REGISTRY_PORT=5060
  [[ -z ${HUNDRED_TEST_ALL:-} ]] ||
    step demo "run before it" timeout --kill-after=60 "$HANGS" bin/demo
  step demo "interrupted run" interrupted_demo
  step demo "run after it" timeout --kill-after=60 "$HANGS" bin/demo
  unset HUNDRED_DEMO_REGISTRY_PORT
  step demo "--clean" timeout --kill-after=60 "$HANGS" bin/demo --clean
  step demo "containers, networks, volumes, images, registries are as before" as_before "$before"
}

# Its output, a table, is what one runs it for.
part_benchmark() { run_pytest benchmark --capture=no tests/benchmarks; }
