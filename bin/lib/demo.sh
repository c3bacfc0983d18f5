# shellcheck shell=bash
# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The steps of bin/demo. Sourced after common.sh and setup.sh.

# Not in the checkout: what was on the machine before is the machine's, and any checkout may clean up.
DEMO=/var/lib/hundred-demo
PORT=${HUNDRED_DEMO_PORT:-8080}
REGISTRY=localhost:${HUNDRED_DEMO_REGISTRY_PORT:-5055}
TRACKED=/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_time_wait
LOCAL_BASE=hundred-demo/base:bookworm

headline() { printf '\n== %s\n\n' "$*"; }
say_result() { printf '%s\n' "$*"; }

# play NAME ARG...: run a playbook of the collection on this machine.
play() {
  local name=$1
  shift
  (
    cd "$ROOT" || exit 1
    ANSIBLE_CONFIG=$ROOT/ansible.cfg ANSIBLE_NOCOLOR=1 PYTHONWARNINGS=ignore \
      ansible-playbook -i "$DEMO/inventory" "playbooks/$name.yml" "$@"
  )
}

# deploy COMMIT ARG...
deploy() { play deploy -e service=shop -e "revision=$1" "${@:2}"; }

# remember_what_is_here: what was on this machine before the first run, so that --clean leaves it.
remember_what_is_here() {
  local name
  mkdir -p "$DEMO"
  chmod 700 "$DEMO"
  [[ -e $DEMO/before ]] && return 0
  refuse_to_take_over
  dpkg-query -W -f '${Package}\n' | sort >"$DEMO/packages"
  for name in docker.io docker-registry haproxy apache2-utils python3-docker; do
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null) != installed ]] || echo "package $name"
  done >"$DEMO/before.new"
  for name in /var/lib/hundred /etc/haproxy/hundred /usr/local/lib/hundred; do
    [[ ! -e $name ]] || echo "path $name" >>"$DEMO/before.new"
  done
  if docker image inspect debian:bookworm-slim >/dev/null 2>&1; then
    echo "image debian:bookworm-slim" >>"$DEMO/before.new"
  fi
  # A missing file is what the clean-up of an older demo left.
  if dpkg --verify docker-registry 2>/dev/null | grep -qv '^missing'; then
    die "this machine has a docker-registry of its own, which the demo would reconfigure:" \
      "$(dpkg --verify docker-registry | awk '{print $NF}' | xargs) is not as Debian's package has it"
  fi
  cp -p /etc/docker/registry/config.yml "$DEMO/registry.default" 2>/dev/null || true
  ! service docker-registry status >/dev/null 2>&1 || echo "running docker-registry" >>"$DEMO/before.new"
  cat "$TRACKED" >"$DEMO/tracked" 2>/dev/null || true
  [[ ! -e /etc/default/haproxy ]] || cp -p /etc/default/haproxy "$DEMO/haproxy.default"
  mv "$DEMO/before.new" "$DEMO/before"
}

# refuse_to_take_over: die when something has the demo's names already; --clean would remove it later.
refuse_to_take_over() {
  local found=()
  docker version >/dev/null 2>&1 || return 0
  [[ -z $(docker ps -aq --filter label=hundred.service=shop) ]] || found+=("a service shop")
  ! docker volume inspect shop-data >/dev/null 2>&1 || found+=("a volume shop-data")
  ! docker network inspect hundred >/dev/null 2>&1 || found+=("a network hundred")
  ((${#found[@]} == 0)) ||
    die "this machine has $(printf '%s, ' "${found[@]}")which the demo would take over: remove it or use another machine"
}

# note_registry: the registry of this run, for a --clean that is not told of it.
note_registry() { registries | grep -qxF "$REGISTRY" || echo "$REGISTRY" >>"$DEMO/registries"; }

# registries: those of all runs so far, one a line.
registries() { cat "$DEMO/registries" 2>/dev/null || true; }

was_here() { grep -qx "$*" "$DEMO/before"; }

# write_inventory: this machine as the only host, and the example's own definition of the shop.
write_inventory() {
  local vars=$DEMO/inventory/group_vars/all
  mkdir -p "$vars"
  cp "$ROOT/examples/shop/inventory/group_vars/all/services.yml" "$vars/services.yml"
  [[ -e $vars/secrets.yml ]] || (
    umask 077
    {
      printf 'hundred_registry_password: %s\n' "$(openssl rand -hex 16)"
      printf 'vault_shop_secret_key: %s\n' "$(openssl rand -hex 32)"
    } >"$vars/secrets.yml"
  )
  cat >"$DEMO/inventory/hosts.yml" <<YAML
all:
  children:
    web:
      hosts:
        this-machine:
    registry:
      hosts:
        this-machine:
  vars:
    ansible_connection: local
    ansible_python_interpreter: /usr/bin/python3
    hundred_build_host: this-machine
    hundred_registry_host: $REGISTRY
    hundred_registry_address: 127.0.0.1
    hundred_registry_username: demo
    hundred_registry_storage: /var/lib/hundred-demo-registry
    hundred_registry_certificate_names: [localhost]
    hundred_proxy_http_port: $PORT
    shop_host: localhost
    shop_source: $DEMO/shop
    shop_base_image: ${HUNDRED_DEMO_BASE_IMAGE:-$LOCAL_BASE}
YAML
}

# provide_base_image: what the app is built on, under the name that the inventory has.
provide_base_image() {
  [[ -z ${HUNDRED_DEMO_BASE_IMAGE-} ]] || return 0
  docker image inspect "$LOCAL_BASE" >/dev/null 2>&1 && return 0
  if timeout 60 docker pull -q debian:bookworm-slim >/dev/null 2>&1; then
    docker tag debian:bookworm-slim "$LOCAL_BASE"
    return 0
  fi
  say "debian:bookworm-slim cannot be pulled here: making a base image from Debian's packages"
  # Ubuntu does not have the keys of Debian's packages, and its apt does not trust them by itself.
  ensure_packages mmdebstrap debian-archive-keyring
  mmdebstrap --quiet --variant=minbase --include=ca-certificates \
    --keyring=/usr/share/keyrings/debian-archive-keyring.gpg bookworm "$DEMO/base.tar" >&2
  docker import "$DEMO/base.tar" "$LOCAL_BASE" >/dev/null
  rm "$DEMO/base.tar"
}

git_shop() {
  # The same author and time every time give the same commits, so a second run finds its images.
  local identity=(-c user.name=demo -c user.email=demo@example.com -c commit.gpgsign=false)
  GIT_AUTHOR_DATE=2026-01-01T00:00:0${version:-0}Z GIT_COMMITTER_DATE=2026-01-01T00:00:0${version:-0}Z \
    git -C "$DEMO/shop" "${identity[@]}" "$@"
}

make_repository() {
  rm -rf "$DEMO/shop"
  cp -r "$ROOT/examples/shop" "$DEMO/shop"
  find "$DEMO/shop" -name __pycache__ -prune -exec rm -r {} +
  git -C "$DEMO/shop" init -q -b main
}

# commit_version NUMBER COLOUR: print the commit.
commit_version() {
  local version=$1
  sed -i -e "s/^VERSION = .*/VERSION = \"$1\"/" -e "s/^COLOUR = .*/COLOUR = \"$2\"/" "$DEMO/shop/shop/version.py"
  git_shop add -A
  git_shop commit -q -m "Version $1"
  git_shop rev-parse HEAD
}

# commit_broken_version NUMBER: a release with a mistake in its settings, as happens; print the commit.
commit_broken_version() {
  sed -i 's|/data/orders.db|/date/orders.db|' "$DEMO/shop/shop/settings.py"
  commit_version "$1" "#b91c1c"
}

start_load() {
  rm -f "$DEMO/load.json"
  (cd "$ROOT" && exec python -m tests.load --url "http://localhost:$PORT" --host localhost --paths shop \
    --rate 100 --slow 2 --seconds 600 --json "$DEMO/load.json") >"$DEMO/load.out" 2>&1 &
  load_pid=$!
  trap 'kill "$load_pid" 2>/dev/null || true; give_back' EXIT
  sleep 2
}

stop_load() {
  sleep 1
  kill -TERM "$load_pid"
  wait "$load_pid" || true
  trap give_back EXIT
  printf '\nThe load client says:\n\n'
  cat "$DEMO/load.out"
}

# same_load_result: whether the load client lost nothing.
same_load_result() {
  python - "$DEMO/load.json" <<'PYTHON'
import json
import sys

with open(sys.argv[1]) as stream:
    result = json.load(stream)
sys.exit(result["total"]["lost"] != 0 or result["total"]["sent"] == 0)
PYTHON
}

# must_serve COMMIT: die unless that release answers through the proxy.
must_serve() {
  local said
  said=$(curl -fsS -H "Host: localhost" "http://127.0.0.1:$PORT/version")
  [[ $said == *"$1"* ]] || die "expected revision $1 to serve, but /version says: $said"
}

# clean_demo: remove what the demo made, and nothing else.
clean_demo() {
  [[ -e $DEMO/before ]] || die "nothing to clean: the demo has not run on this machine"
  ensure_venv
  [[ -e $DEMO/registries ]] || note_registry # an older demo has noted none
  if [[ -d /run/systemd/system ]] && ! was_here path /usr/local/lib/hundred; then
    systemctl disable --now hundred-supervisor.service >/dev/null 2>&1 || true
  fi
  if docker version >/dev/null 2>&1; then
    ANSIBLE_CONFIG=$ROOT/ansible.cfg ansible this-machine -i "$DEMO/inventory" \
      -m hundred.containers.service_rollout -a "name=shop state=absent" >/dev/null
    docker volume rm shop-data >/dev/null 2>&1 || true
    docker network rm hundred >/dev/null 2>&1 || true
    registries | while read -r name; do
      docker images -q --no-trunc --filter "label=hundred.image=$name/shop"
    done | sort -u | xargs -r docker rmi -f >/dev/null || say "some images of the shop are in use and stay"
    ! docker image inspect "$LOCAL_BASE" >/dev/null 2>&1 || docker rmi "$LOCAL_BASE" >/dev/null
    was_here image debian:bookworm-slim || docker rmi debian:bookworm-slim >/dev/null 2>&1 || true
  fi
  clean_registry
  clean_proxy
  clean_command
  was_here path /var/lib/hundred || rm -rf /var/lib/hundred
  local kept
  kept=$(dpkg-query -W -f '${Package}\n' | sort | comm -13 "$DEMO/packages" - 2>/dev/null | xargs)
  rm -rf "$DEMO"
  say_result "The demo is gone. Packages that were installed since it first ran, and stay: ${kept:-none}."
}

clean_registry() {
  service docker-registry stop >/dev/null 2>&1 || true
  rm -rf /var/lib/hundred-demo-registry
  registries | while read -r name; do rm -rf "/etc/docker/certs.d/${name:?}"; done
  rm -rf /etc/docker/registry/config.yml /etc/docker/registry/users /etc/docker/registry/tls
  if [[ -e $DEMO/registry.default ]]; then
    cp -p "$DEMO/registry.default" /etc/docker/registry/config.yml
    ! was_here running docker-registry || service docker-registry start >/dev/null 2>&1 || true
  elif ! was_here package docker-registry; then
    # Its configuration was the demo's. Without one the daemon would fail at every boot, and the
    # package does not bring the file back by itself.
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y purge docker-registry >/dev/null 2>&1 ||
      say "docker-registry could not be removed; it has no configuration now"
  fi
}

clean_command() {
  was_here path /usr/local/lib/hundred && return 0
  rm -rf /usr/local/lib/hundred /usr/local/bin/hundred /etc/hundred /etc/bash_completion.d/hundred
  rm -f /etc/systemd/system/hundred-supervisor.service
}

clean_proxy() {
  was_here path /etc/haproxy/hundred && return 0
  if [[ -e $DEMO/haproxy.default ]]; then
    cp -p "$DEMO/haproxy.default" /etc/default/haproxy
  else
    sed -i '/^EXTRAOPTS=.*hundred\/hundred.cfg/d' /etc/default/haproxy 2>/dev/null || true
  fi
  rm -rf /etc/haproxy/hundred
  rm -f /etc/systemd/system/haproxy.service.d/00-hundred.conf
  rmdir /etc/systemd/system/haproxy.service.d 2>/dev/null || true
  if [[ -e /etc/sysctl.d/00-hundred-proxy.conf ]]; then
    rm -f /etc/sysctl.d/00-hundred-proxy.conf /etc/modules-load.d/hundred-proxy.conf
    # Not there before the engine came: the kernel's own default.
    [[ -s $DEMO/tracked ]] || echo 120 >"$DEMO/tracked"
    [[ ! -e $TRACKED ]] || cat "$DEMO/tracked" >"$TRACKED"
  fi
  [[ ! -d /run/systemd/system ]] || systemctl daemon-reload
  if was_here package haproxy; then
    service haproxy restart >/dev/null 2>&1 || true
  else
    service haproxy stop >/dev/null 2>&1 || true
  fi
}
