# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ansible-playbook without the second that it takes to be imported and to pack the modules.

The suite runs it more than a thousand times. A process imports Ansible once and forks a child for
each run; the child is ansible-playbook with its own arguments and folder. The children share the
folder in which Ansible keeps the modules that it has packed.

Three quarters of what is left of a run's processor time is YAML that says the same each time: the
documentation of the plugins that Ansible looks at, which defines their options, and the list of
what has moved to where (measured: 0.55 s of a run with it, 0.15 s without). It is read once, too.

Ansible looks for a task's end each millisecond, which takes 11 % of a processor in a wait. Here
hosts and controller share the machine, so it looks each ten milliseconds.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

MOST = 65536


class WarmAnsible:
    """The process that forks; started at the first run, gone with this one.

    :param environment: of every run; Ansible reads its settings there when it is imported.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._lock = threading.Lock()
        self._channel: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        atexit.register(self.end)

    def run(
        self, arguments: Sequence[str], folder: Path, timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """``ansible-playbook`` with these arguments; errors are in ``stdout`` as well.

        :param folder: that it is run in.
        :param timeout: seconds; TimeoutError when it takes longer.
        """
        with self._lock, tempfile.TemporaryFile() as file:
            channel = self._started()
            channel.settimeout(timeout)
            order = json.dumps({"arguments": list(arguments), "folder": str(folder)})
            socket.send_fds(channel, [order.encode()], [file.fileno()])
            code = channel.recv(1)
            if not code:
                raise RuntimeError("the process that forks Ansible is gone")
            file.seek(0)
            output = file.read().decode("utf-8")
        return subprocess.CompletedProcess(["ansible-playbook", *arguments], code[0], output, "")

    def end(self) -> None:
        """End the process that forks, if there is one."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._process is not None:
            self._process.wait(10)
            self._process = None

    def _started(self) -> socket.socket:
        if self._channel is None:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=self._environment,
                cwd="/",
            )
            theirs.close()
            self._channel = ours
        return self._channel


# Seconds between two looks for a task's end; Ansible's own setting for it knows no variable of the
# environment.
POLL_INTERVAL = 0.01


def prepare() -> None:
    """Have in memory what every run of ansible-playbook would parse again, and let it poll less.

    Plugins for variables are left out: Ansible keeps what it loads of them, which then is of no use
    to a run.
    """
    import ansible
    from ansible import constants
    from ansible.plugins import loader
    from ansible.utils.collection_loader import _collection_finder as finder

    constants.DEFAULT_INTERNAL_POLL_INTERVAL = POLL_INTERVAL
    kept = functools.lru_cache(finder._meta_yml_to_dict)
    finder._meta_yml_to_dict = kept
    moved = Path(ansible.__file__).parent / "config" / "ansible_builtin_runtime.yml"
    kept(moved.read_bytes(), ("ansible.builtin", "runtime.yml"))
    for name in ("auto", "host_list", "ini", "script", "toml", "yaml"):
        loader.inventory_loader.get(name, class_only=True)
    loader.strategy_loader.get("linear", class_only=True)
    for plugins in (
        loader.become_loader,
        loader.callback_loader,
        loader.connection_loader,
        loader.shell_loader,
    ):
        list(plugins.all(class_only=True))


def serve(channel: socket.socket) -> None:
    """Fork a child for each order until the other end is closed."""
    from ansible.cli.playbook import PlaybookCLI

    prepare()
    while True:
        data, files, _flags, _address = socket.recv_fds(channel, MOST, 1)
        if not data:
            return
        order = json.loads(data)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                os.chdir(order["folder"])
                os.dup2(files[0], 1)
                os.dup2(files[0], 2)
                PlaybookCLI.cli_executor(["ansible-playbook", *order["arguments"]])
            except SystemExit as ended:
                code = ended.code if isinstance(ended.code, int) else 1
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                # Not by sys.exit: the handlers of exit would remove the folder that is shared.
                os._exit(code)
        os.close(files[0])
        status = os.waitpid(child, 0)[1]
        code = os.waitstatus_to_exitcode(status)
        channel.send(bytes([code if code >= 0 else 128 - code]))


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
