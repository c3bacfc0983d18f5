# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every test on the lab relies on."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.command import docker
from tests.lab.errors import LabError
from tests.lab.host import Host
from tests.lab.lab import Lab
from tests.lab.registry import Registry

# Whatever else runs on the lab would notice most of it.
pytestmark = pytest.mark.large

ENGINES = {"bookworm": "20.10.", "trixie": "26.1."}
SDKS = {"bookworm": "5.0.", "trixie": "7.1."}
HAPROXIES = {"bookworm": "2.6.", "trixie": "3.0."}
NGINXES = {"bookworm": "1.22.", "trixie": "1.26."}
ADDRESS = "10.214.0.5"


@pytest.fixture
def web(host: Host, python_image: str) -> Iterator[str]:
    """A nested container that serves its volume at a static address; its name."""
    host.load_image(python_image)
    remove = "docker rm -f labtest; docker volume rm labtest; docker network rm labtest"
    host.run(remove, check=False)
    host.run("docker network create --subnet 10.214.0.0/20 --ip-range 10.214.8.0/21 labtest")
    host.run(
        "docker run -d --name labtest --init --restart unless-stopped --network labtest "
        f"--ip {ADDRESS} -v labtest:/srv -w /srv --memory 64m --cpus 0.5 --pids-limit 50 "
        f"{python_image} python3 -m http.server 8000"
    )
    yield "labtest"
    host.run(remove, check=False)


def fetched(host: Host, path: str = "/") -> str:
    """The answer of the nested container, asked from the host's own network namespace."""
    return host.run(
        f"curl -sS --fail --retry 50 --retry-delay 0 --retry-connrefused --max-time 20 "
        f"http://{ADDRESS}:8000{path}"
    ).stdout


def test_a_host_has_the_versions_that_its_debian_ships(host: Host) -> None:
    engine = host.run("docker version --format '{{.Server.Version}}'").stdout
    sdk = host.run("python3 -c 'import docker; print(docker.__version__)'").stdout
    haproxy = host.run("haproxy -v").stdout
    nginx = host.run("nginx -v").stderr
    assert engine.startswith(ENGINES[host.suite])
    assert sdk.startswith(SDKS[host.suite])
    assert f"version {HAPROXIES[host.suite]}" in haproxy
    assert f"nginx/{NGINXES[host.suite]}" in nginx


def test_a_new_host_has_no_failed_unit_and_no_proxy_running(lab: Lab, host: Host) -> None:
    fresh = lab.create(f"fresh-{host.suite}", host.suite)
    try:
        state = fresh.run("systemctl is-system-running", check=False).stdout.strip()
        failed = fresh.run("systemctl --failed --no-legend").stdout
        proxies = fresh.run("systemctl is-active haproxy nginx", check=False).stdout.split()
        port_80 = fresh.run("ss -Hltn 'sport = :80'").stdout
    finally:
        fresh.destroy()
    assert (state, failed, proxies, port_80) == ("running", "", ["inactive", "inactive"], "")


@pytest.mark.parametrize("proxy", ["haproxy", "nginx"])
def test_each_proxy_can_be_started_and_stopped(host: Host, proxy: str) -> None:
    host.run(["systemctl", "start", proxy])
    assert host.run(["systemctl", "is-active", proxy]).stdout.strip() == "active"
    host.run(["systemctl", "stop", proxy])


def test_a_nested_container_answers_the_host_at_its_static_address(host: Host, web: str) -> None:
    assert "Directory listing" in fetched(host)


def test_a_nested_container_has_the_limits_that_it_was_given(host: Host, web: str) -> None:
    used = json.loads(host.run(f"docker stats --no-stream --format '{{{{json .}}}}' {web}").stdout)
    assert used["MemUsage"].endswith("64MiB")


@pytest.mark.parametrize("way", ["reboot", "power_loss"])
def test_a_volume_and_an_address_outlive(host: Host, web: str, way: str) -> None:
    host.run(f"docker exec {web} sh -c 'echo {way} > /srv/kept && sync'")
    getattr(host, way)()
    host.run(f"docker start {web}")
    assert fetched(host, "/kept").strip() == way


def test_a_host_shuts_down_in_order_and_is_not_killed(host: Host, web: str) -> None:
    host.power_off()
    exit_code = docker("inspect", "--format", "{{.State.ExitCode}}", host.container).stdout.strip()
    host.power_on()
    killed = "137"
    assert exit_code != killed


def test_what_lies_in_run_is_gone_after_a_reboot(host: Host) -> None:
    host.run("touch /run/labtest")
    host.reboot()
    assert host.run("test -e /run/labtest", check=False).returncode == 1


def test_an_image_is_pulled_by_digest_with_the_password_only(
    host: Host, registry: Registry, python_image: str
) -> None:
    reference = registry.push(python_image, "labtest")
    host.run("docker logout " + registry.address, check=False)
    refused = host.run(["docker", "pull", reference], check=False)
    assert refused.returncode != 0
    assert "no basic auth credentials" in refused.stderr
    host.run(
        ["docker", "login", "-u", registry.username, "--password-stdin", registry.address],
        input=registry.password,
    )
    host.run(["docker", "pull", reference], timeout=300)
    host.run("docker logout " + registry.address)


def test_a_stopped_registry_refuses_and_a_started_one_has_its_images(
    lab: Lab, host: Host, registry: Registry, python_image: str
) -> None:
    reference = registry.push(python_image, "labtest")
    host.put_file("/root/.docker/config.json", registry.docker_config(), mode=0o600)
    try:
        registry.stop()
        assert host.run(["docker", "pull", reference], check=False).returncode != 0
    finally:
        registry.start()
    host.run(["docker", "pull", reference], timeout=300)
    host.run("rm /root/.docker/config.json")


def test_ansible_reaches_a_host_over_ssh(lab: Lab, host: Host, tmp_path: Path) -> None:
    inventory = tmp_path / "inventory.yml"
    inventory.write_text(json.dumps(lab.inventory()))
    pinged = subprocess.run(
        [sys.executable, "-m", "ansible", "adhoc", host.name, "-i", inventory, "-m", "ping"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert pinged.returncode == 0, pinged.stdout + pinged.stderr
    assert "pong" in pinged.stdout


def test_a_bare_host_has_no_engine_and_installs_one_without_a_download(lab: Lab) -> None:
    bare = lab.create("bare", "bookworm", "bare")
    try:
        assert bare.run("command -v docker", check=False).returncode != 0
        bare.run(
            "DEBIAN_FRONTEND=noninteractive apt-get install --no-download --yes "
            "--no-install-recommends docker.io python3-docker haproxy nginx docker-registry "
            "apache2-utils",
            timeout=300,
        )
        bare.reboot()
        assert bare.run("docker version --format '{{.Server.Version}}'").stdout.startswith("20.10.")
    finally:
        bare.destroy()


def test_a_lab_that_is_destroyed_leaves_nothing_and_others_alone(lab: Lab, host: Host) -> None:
    other = Lab(f"{lab.name}-other")
    gone = other.create(host.name, host.suite, "bare")
    other.registry().trust_here()
    assert gone.address != host.address
    other.destroy()
    label = f"label=hundred.lab={other.name}"
    for kind in ("ps --all", "volume ls", "network ls"):
        assert docker(*kind.split(), "--quiet", "--filter", label).stdout == ""
    assert not gone.private_key.exists()
    host.wait_ready()


def test_a_program_that_hangs_on_a_host_is_killed_there(host: Host) -> None:
    with pytest.raises(LabError, match="exit code 137"):
        host.run("exec sleep 4321", timeout=0.5)
    assert host.run("pgrep -f 'sleep 432[1]'", check=False).stdout == ""
