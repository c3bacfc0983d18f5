# shellcheck shell=bash
# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The parts of bin/test that need nothing but the tree: lint, sanity, artifact. Sourced after outcome.sh.

# shell_files: the shell scripts of the tree, by their first line, for those without a suffix too.
shell_files() {
  git -C "$ROOT" ls-files -coz --exclude-standard | while IFS= read -rd '' file; do
    [[ ! -f $ROOT/$file || -L $ROOT/$file ]] ||
      ! head -n 1 "$ROOT/$file" 2>/dev/null | grep -qaE '^#!.*\b(ba)?sh\b|^# shellcheck shell=' ||
      printf '%s\0' "$file"
  done
}

check_shell() { shell_files | xargs -0 shellcheck --external-sources --source-path="$ROOT"; }

part_lint() {
  step lint "ruff check" ruff check --output-format concise .
  step lint "mypy" mypy
  step lint "shellcheck" check_shell
  step lint "licences (reuse)" reuse lint --lines
  step lint "changelog fragments" antsibull-changelog lint
  step lint "variable names" python bin/lib/variable_names.py .
  # Offline, or it would install a copy of this collection into the home folder, and look for a newer ansible-lint.
  step lint "ansible-lint" env "ANSIBLE_COLLECTIONS_PATH=$ROOT/.collections" "ANSIBLE_HOME=$CACHE/ansible" \
    ansible-lint --offline --nocolor
}

# copy_tree DESTINATION: the tree as it would be committed now, without bin (ansible-test takes every file
# there for Python; bin is not in the artifact, and its scripts are linted above) and our own link to it.
copy_tree() {
  rm -rf "$1"
  mkdir -p "$1"
  git -C "$ROOT" ls-files -coz --exclude-standard -- . ':!bin' ':!.collections' |
    while IFS= read -rd '' file; do
      [[ ! -e $ROOT/$file && ! -L $ROOT/$file ]] || printf '%s\0' "$file"
    done | tar -C "$ROOT" --null -T - -c | tar -C "$1" -x
}

# oldest_python: the oldest Python that modules must run on, where this machine has it.
oldest_python() {
  local candidate
  for candidate in python3.9 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.9.*/bin/python3.9; do
    if "$candidate" -c '' 2>/dev/null; then
      "$candidate" -c 'import sys; print(sys.executable)'
      return 0
    fi
  done
  return 1
}

part_sanity() {
  local copy=$CACHE/sanity/ansible_collections/hundred/containers home=$CACHE/sanity/home
  local log=$LOGS/sanity.log version oldest targets path=$PATH
  alone sanity
  version=$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  targets=(--target-python "$version")
  if oldest=$(oldest_python); then
    targets+=(--target-python "3.9@$oldest")
    path=$VENV/bin:$(dirname "$oldest"):$PATH # ansible-test looks along PATH as well
  fi
  copy_tree "$copy"
  # A repository of its own: in ours the copy is ignored, and ansible-test asks git what is there.
  git init --quiet "$copy"
  mkdir -p "$home"
  python "$ROOT/bin/lib/sanity_home.py" "$home" || return 1
  (
    cd "$copy" && env "HOME=$home" "PATH=$path" ansible-test sanity --junit --color no \
      --controller "origin:python=$version@$VENV/bin/python" "${targets[@]}" "$@"
  ) >"$log" 2>&1 </dev/null 8>&-
  local status=$?
  # pip talks much; what is wrong are the lines of ERROR and FATAL and the list of tests after them.
  ((status == 0)) || grep -E '^(ERROR|FATAL|[a-z0-9-]+( --python [0-9.]+)?$)' "$log" | sed 's/^/    /'
  ((status == 0)) || printf '  the whole log: %s\n' "${log#"$ROOT/"}"
  count_junit sanity "$status" "$copy"/tests/output/junit/*.xml
}

# build_and_install WORK: build the artifact of the tree, install it into the empty folder WORK/installed.
build_and_install() {
  local work=$1 installed=$1/installed/ansible_collections/hundred/containers
  copy_tree "$work/tree" &&
    ansible-galaxy collection build --output-path "$work" "$work/tree" &&
    env -u ANSIBLE_CONFIG "ANSIBLE_COLLECTIONS_PATH=$work/installed" \
      ansible-galaxy collection install --offline -p "$work/installed" "$work"/hundred-containers-*.tar.gz &&
    cd "$installed" || return
  # ansible-galaxy does not miss the readme that galaxy.yml names.
  [[ -s README.md ]] || { echo "README.md is missing"; return 1; }
  if ls -d .[!.]* bin molecule pyproject.toml requirements-dev.txt tests 2>/dev/null; then
    echo "these are in the artifact: galaxy.yml's build_ignore should name them"
    return 1
  fi
}

# documented INSTALLED KIND FOLDER: ansible-doc, run from the installed collection alone, prints each of
# the plugins or roles that the folder holds.
documented() {
  local installed=$1 kind=$2 folder=$3 path name names=()
  for path in "$installed/ansible_collections/hundred/containers/$folder"/*; do
    name=$(basename "$path" .py)
    [[ ! -e $path || $name == __* || ($kind != role && $path != *.py) ]] || names+=("hundred.containers.$name")
  done
  ((${#names[@]})) || { echo "none in $folder"; return 1; }
  for name in "${names[@]}"; do
    # A name that is not found, or has no documentation, is only warned of, with exit 0.
    (cd / && env -u ANSIBLE_CONFIG "ANSIBLE_COLLECTIONS_PATH=$installed" ansible-doc -t "$kind" "$name") |
      grep "^> .*$name" || { echo "$name: no documentation"; return 1; }
  done
}

# playbooks_known INSTALLED: each playbook is found by its full name and passes a syntax check.
playbooks_known() {
  local installed=$1 path names=()
  for path in "$installed"/ansible_collections/hundred/containers/playbooks/*.yml; do
    [[ ! -e $path ]] || names+=("hundred.containers.$(basename "$path" .yml)")
  done
  ((${#names[@]})) || { echo "no playbook"; return 1; }
  (cd / && env -u ANSIBLE_CONFIG "ANSIBLE_COLLECTIONS_PATH=$installed" \
    ansible-playbook --syntax-check -i localhost, "${names[@]}")
}

part_artifact() {
  local work kind folder
  work=$(mktemp -d "$CACHE/artifact.XXXXXX")
  if step artifact "builds, and installs into an empty folder" build_and_install "$work"; then
    step artifact "roles are documented" documented "$work/installed" role roles
    for folder in "$work"/installed/ansible_collections/hundred/containers/plugins/*/; do
      kind=$(basename "$folder")
      case $kind in
        # An action plugin is documented as the module of its name, which ansible-test sanity sees to.
        action | doc_fragments | module_utils | plugin_utils) ;;
        modules) step artifact "modules are documented" documented "$work/installed" module plugins/modules ;;
        *) step artifact "$kind plugins are documented" documented "$work/installed" "$kind" "plugins/$kind" ;;
      esac
    done
    step artifact "playbooks are known by full name" playbooks_known "$work/installed"
  fi
  rm -rf "$work"
}
