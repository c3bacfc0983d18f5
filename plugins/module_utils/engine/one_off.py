# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One-off containers: created, attended until they end, gone afterwards.

The engine itself removes such a container when its process ends, so that none is left behind when
nobody attends it any more. A label tells until when it may run.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ..errors import ConflictError, EngineError, OutputError
from .client import engine_errors
from .containers import Engine

LABEL_RUN = "hundred.run"
LABEL_TITLE = "hundred.run-title"
LABEL_UNTIL = "hundred.run-until"
# The same by a clock that never jumps, with the boot that it counts from.
LABEL_UPTIME = "hundred.run-until-uptime"

# Takes what a command writes, and whether it wrote that to its standard error.
Written = Callable[[bytes, bool], None]

# What is kept of a command's output: its end, in bytes.
OUTPUT_BYTES = 1 << 20

# Seconds from its creation to its start; a module that lives takes a fraction of them.
START_SECONDS = 20.0

# How long the engine may take to remove a container whose process has ended.
_REMOVAL_SECONDS = 60.0

# How often it is looked whether what a command writes still goes on to who wants it.
_LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class OneOff:
    """A one-off container of ours as the engine lists it.

    :param service: the name of its service, as its label has it.
    :param title: the name of what it runs; empty for a command without one.
    :param until: seconds since the epoch at which its time is up: for one that was not started,
        soon after it was created.
    """

    id: str
    name: str
    service: str
    title: str
    until: float


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    :param exit_code: the command's; None when its time was up and it was stopped.
    :param output: the last lines of both streams, about in the order in which they were written:
        the engine reads the two apart. No line has a part of another in it.
    :param seconds: how long it ran.
    """

    exit_code: int | None
    output: tuple[str, ...]
    seconds: float


def time_labels(seconds: float) -> dict[str, str]:
    """The labels of a container whose time is up in so many seconds."""
    uptime = time.clock_gettime(time.CLOCK_BOOTTIME) + seconds
    return {
        LABEL_UNTIL: str(int(time.time() + seconds) + 1),
        LABEL_UPTIME: f"{boot()}:{int(uptime) + 1}",
    }


def boot() -> str:
    """What tells the machine's last start from all others; empty where the system does not."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as stream:
            return stream.read().strip()
    except OSError:
        return ""


def _end(until: float, uptime: str) -> float:
    """When a container's time is up, by the clock as it is now: that may have jumped since.

    :param until: by the clock as it was, which counts where the machine has been started since.
    :param uptime: as ``LABEL_UPTIME`` has it.
    """
    since, _colon, seconds = uptime.partition(":")
    if not since or since != boot() or not seconds.isdigit():
        return until
    return time.time() + int(seconds) - time.clock_gettime(time.CLOCK_BOOTTIME)


def one_offs(engine: Engine, service: str | None = None) -> list[OneOff]:
    """The one-off containers of a service, or of all services, in any state."""
    label = LABEL_RUN if service is None else f"{LABEL_RUN}={service}"
    with engine_errors("list the one-off containers"):
        rows = engine.client.containers(all=True, filters={"label": [label]})
    found = []
    for row in rows:
        labels = row.get("Labels") or {}
        until = labels.get(LABEL_UNTIL, "")
        if not until.isdigit():
            continue  # somebody else's that borrowed our label
        end = _end(float(until), labels.get(LABEL_UPTIME, ""))
        if row.get("State") == "created":
            end = min(end, float(row.get("Created") or 0) + START_SECONDS)
        name = row["Names"][0].lstrip("/")
        title = labels.get(LABEL_TITLE, "")
        found.append(OneOff(row["Id"], name, labels[LABEL_RUN], title, end))
    return found


def attend(
    engine: Engine,
    container: str,
    limit: float,
    grace: float,
    written: Written | None = None,
) -> Ended:
    """Start a created one-off container and wait until it has ended and is gone.

    :param limit: seconds after which it is stopped.
    :param grace: seconds from SIGTERM to SIGKILL then.
    :param written: called with what the command writes, while it runs, and whether that was to its
        standard error. Where that fails (OSError) the command is stopped as at its time limit.
    :raises EngineError: it cannot be started, or the engine went away meanwhile.
    :raises OutputError: ``written`` has failed.
    :raises SystemExit: somebody ends this process; the command was stopped as at its time limit.
    """
    began = time.monotonic()
    try:
        with engine_errors(f"attend the container {container}"):
            # Both before the start: a command may end at once.
            chunks = engine.client.attach(container, stream=True, logs=True, demux=True)
            answer = begin_wait(engine, container)
        output = _Reader(_streams(chunks), written)
        removal = Removal(answer)
        engine.start(container)
        in_time = _ends_within(removal, output, limit)
        if not in_time:
            engine.stop(container, grace)
            removal.comes_within(_REMOVAL_SECONDS)
        output.ends_within(_REMOVAL_SECONDS)
        if output.failure is not None:
            raise OutputError(
                f"cannot hand on what the command writes: {output.failure.strerror}",
                step="run",
                next_step="see what the command has done before it is run again",
            ) from output.failure
        code = removal.exit_code() if in_time else None
    except SystemExit:
        with suppress(EngineError):
            engine.stop(container, grace)
        raise
    finally:
        discard(engine, container)
    text = output.content().decode("utf-8", "replace")
    return Ended(code, tuple(text.splitlines()), round(time.monotonic() - began, 3))


def _ends_within(removal: Removal, output: _Reader, limit: float) -> bool:
    """Whether the command ends in that time; not if what it writes goes nowhere meanwhile."""
    deadline = time.monotonic() + limit
    while output.failure is None:
        left = deadline - time.monotonic()
        if removal.comes_within(max(0.0, min(left, _LOOK_SECONDS))):
            return True
        if left <= 0:
            return False
    return removal.comes_within(0)


def discard(engine: Engine, container: str) -> None:
    """Remove a one-off container, whatever it is doing."""
    try:
        engine.remove(container)
    except ConflictError:
        return  # the engine is just removing it


def _streams(
    pairs: Iterable[tuple[bytes | None, bytes | None]],
) -> Iterator[tuple[bytes, bool]]:
    """What was written, and whether to standard error, of the SDK's pairs of both."""
    for output, errors in pairs:
        if output:
            yield output, False
        if errors:
            yield errors, True


class WholeLines:
    """The last of what was written to two streams, where no line is begun before another has ended.

    A program may write its complaint in pieces, and its next output arrive between them.
    """

    def __init__(self) -> None:
        self._ended = bytearray()
        # What follows the last line end of each, by whether it is standard error.
        self._begun = {False: bytearray(), True: bytearray()}

    def add(self, chunk: bytes, is_error: bool) -> None:
        """Add what was written to one of the two."""
        begun = self._begun[is_error]
        lines, end, rest = chunk.rpartition(b"\n")
        if end:
            self._ended += begun + lines + end
            begun.clear()
        begun += rest
        for kept in (self._ended, begun):
            del kept[:-OUTPUT_BYTES]

    def content(self) -> bytes:
        """All that is kept, those lines last that have no end yet."""
        begun = [bytes(text) for text in self._begun.values() if text]
        return bytes(self._ended) + b"\n".join(begun)


class _Reader:
    """Reads a stream to its end in a thread of its own, and keeps the last of it.

    :ivar failure: why ``each`` was not called any more.
    """

    def __init__(self, chunks: Iterable[tuple[bytes, bool]], each: Written | None = None) -> None:
        self._lines = WholeLines()
        self._each = each
        self.failure: OSError | None = None
        # A daemon: an engine that never ends the stream must not keep the module alive.
        self._thread = threading.Thread(target=self._read, args=(chunks,), daemon=True)
        self._thread.start()

    def _read(self, chunks: Iterable[tuple[bytes, bool]]) -> None:
        from requests.exceptions import RequestException

        try:
            for chunk, is_error in chunks:
                self._lines.add(chunk, is_error)
                # It is read on: a command whose output nobody reads would never end.
                if self._each is not None and self.failure is None:
                    try:
                        self._each(chunk, is_error)
                    except OSError as error:
                        self.failure = error
        except (RequestException, OSError):
            return  # the engine went away; what is missing is noticed by who reads the content

    def content(self) -> bytes:
        """The last of what was read."""
        return self._lines.content()

    def ends_within(self, seconds: float) -> bool:
        """Whether the stream ends in that time."""
        self._thread.join(seconds)
        return not self._thread.is_alive()


class Removal:
    """The end of a one-off container: its exit code is told when it has been removed.

    :param answer: of ``begin_wait``.
    """

    def __init__(self, answer: Any) -> None:
        self._reader = _Reader((chunk, False) for chunk in answer.iter_content(None))

    def comes_within(self, seconds: float) -> bool:
        """Whether the container is gone in that time."""
        return self._reader.ends_within(seconds)

    def exit_code(self) -> int:
        """The command's exit code, once the container is gone.

        :raises EngineError: the engine went away meanwhile.
        """
        return _exit_code(self._reader.content())


def begin_wait(engine: Engine, container: str) -> Any:
    """The engine's answer to a wait for the container's removal, begun but not ended.

    The engine sends the head of its answer once it waits. The SDK's own call returns at the end
    only, when it is too late to start the container.
    """
    client: Any = engine.client
    url = f"{client.base_url}/v{client.api_version}/containers/{container}/wait"
    answer = client.post(url, params={"condition": "removed"}, stream=True, timeout=None)
    answer.raise_for_status()
    return answer


def _exit_code(content: bytes) -> int:
    try:
        return int(json.loads(content)["StatusCode"])
    except (ValueError, KeyError, TypeError) as error:
        raise EngineError(
            "the engine did not tell how the command ended: it went away meanwhile",
            step="run",
            next_step="see what the command has done before it is run again",
        ) from error
