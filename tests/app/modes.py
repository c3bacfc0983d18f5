# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The process's life in its three modes, from the start to the stop by SIGTERM."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

from behaviour import Behaviour
from endpoints import Application
from http_server import Server


def log(text: str) -> None:
    """Write a line to stdout at once."""
    print(f"app: {text}", flush=True)


async def run(behaviour: Behaviour, began: float) -> int:
    """Live until SIGTERM; returns the exit status.

    began: time.monotonic() at the process's start, from which the behaviour's moments count.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def terminated() -> None:
        if behaviour.ignore_sigterm:
            log("SIGTERM ignored")
        else:
            stop.set()

    # The loop's own handler wakes it through a socket: the signal cannot be missed.
    loop.add_signal_handler(signal.SIGTERM, terminated)
    loop.add_signal_handler(signal.SIGINT, terminated)
    if behaviour.exit_after:
        loop.call_at(began + behaviour.exit_after, _die, behaviour.exit_status)
    if behaviour.listen_after and await _stopped_within(
        stop, began + behaviour.listen_after - time.monotonic()
    ):
        return 0
    log(f"release {behaviour.release} begins as {behaviour.mode}")
    if behaviour.mode == "worker":
        await _work(behaviour, stop)
    elif behaviour.mode == "tcp":
        await _echo_bytes(behaviour, stop)
    else:
        await _serve(behaviour, began, stop)
    return 0


def _die(status: int) -> None:
    """End the process in mid-work, as a crash would."""
    print("app: fatal: worker thread died", file=sys.stderr, flush=True)
    os._exit(status)


async def _stopped_within(stop: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return False
    return True


async def _serve(behaviour: Behaviour, began: float, stop: asyncio.Event) -> None:
    application = Application(behaviour, began)
    headers = {"X-Release": behaviour.release, "X-Replica": application.replica}
    server = Server(application, headers, probes=("/up",))
    port = await server.listen(behaviour.host, behaviour.port)
    log(f"listening on {port} after {1e3 * (time.monotonic() - began):.0f} ms")
    await stop.wait()
    in_flight = server.in_flight
    log(f"SIGTERM: {in_flight} requests in flight")
    await server.stop()
    # What a drained replica must say: 0 and 0.
    last = f"in_flight_at_sigterm={in_flight} requests_after={server.requests_after_stop}"
    log(f"stopped: {last}")
    if behaviour.ids_dir:
        path = Path(behaviour.ids_dir, f"{application.replica}.stopped")
        path.write_text(f"{last}\n", encoding="utf-8")


async def _work(behaviour: Behaviour, stop: asyncio.Event) -> None:
    tick = 0
    while True:
        tick += 1
        log(f"tick {tick}")
        if await _stopped_within(stop, behaviour.tick_seconds):
            log(f"stopped: finished {tick} ticks")
            return


async def _echo_bytes(behaviour: Behaviour, stop: asyncio.Event) -> None:
    """Send back what comes, until the client ends; a stop waits for those connected."""
    open_connections: set[asyncio.Task[None]] = set()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            open_connections.add(task)
            task.add_done_callback(open_connections.discard)
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except ConnectionError as error:
            log(f"a client went away: {error}")
        finally:
            writer.close()

    server = await asyncio.start_server(echo, behaviour.host, behaviour.port)
    log(f"listening on {server.sockets[0].getsockname()[1]}")
    await stop.wait()
    log(f"SIGTERM: {len(open_connections)} connections open")
    server.close()
    while open_connections:
        await asyncio.wait(open_connections)
    log("stopped")
