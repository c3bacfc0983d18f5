# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors that the core raises for its users.

Every error says what failed and, where it is known, at which step and replica, what is serving now
and what to do next: the four things that somebody reads at 02:00.
"""

from __future__ import annotations

from typing import Any


class HundredError(Exception):
    """A failure that the user can understand and act on.

    :param message: what failed, in one sentence without a traceback.
    :param step: the step of a rollout, build or push at which it failed.
    :param replica: the name of the container concerned.
    :param serving: what serves requests now, after the failure.
    :param next_step: what the user can do about it.
    :param details: further facts for the result (log lines, health results), never secrets.
    """

    def __init__(
        self,
        message: str,
        step: str | None = None,
        replica: str | None = None,
        serving: str | None = None,
        next_step: str | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.step = step
        self.replica = replica
        self.serving = serving
        self.next_step = next_step
        self.details: dict[str, Any] = dict(details or {})

    def text(self) -> str:
        """The message with what serves now: the one line that every output of Ansible shows."""
        if self.serving is None:
            return self.message
        return f"{self.message.rstrip('.')}. Serving now: {self.serving}."

    def as_result(self) -> dict[str, Any]:
        """The error as keys of a module's result; keys without a value are left out."""
        facts = {
            "step": self.step,
            "replica": self.replica,
            "serving": self.serving,
            "next_step": self.next_step,
        }
        result: dict[str, Any] = {key: value for key, value in facts.items() if value is not None}
        result.update(self.details)
        return result


class EngineError(HundredError):
    """The container engine refused or failed a call, or cannot be reached."""


class NotFoundError(EngineError):
    """The engine (or the registry behind it) has no such container, image or network."""


class ConflictError(EngineError):
    """The engine has something in the way: a name, a port or an address that is taken."""


class RegistryError(EngineError):
    """The registry cannot be reached, refuses the credentials or the request."""


class OutputError(HundredError):
    """What a command writes cannot be handed on; the cause is the system's error."""


class ProxyError(HundredError):
    """The proxy refused a configuration or a command, or does not answer."""


class StateError(HundredError):
    """A file of our own state is missing or damaged."""


class LockedError(HundredError):
    """Another rollout of the same service holds the lock of this host."""


class RolloutError(HundredError):
    """A rollout failed; the message says why, ``serving`` what serves now."""


class SourceError(HundredError):
    """The source tree or the revision to build from is not usable."""


class BuildError(HundredError):
    """An image build or a test inside the image failed."""
