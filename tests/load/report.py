# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A result as a table for people and as JSON for programs."""

from __future__ import annotations

import math
from typing import Any

from .result import Failure, Latency, Result, Samples, Window
from .traffic import LOST, Kind, Outcome

SHOWN_FAILURES = 5
"""Lost requests listed one by one under the table."""


def as_json(result: Result, samples: bool = False, bucket: float = 1.0) -> dict[str, Any]:
    """Sums per kind and in time buckets of that many seconds; with samples every request too."""
    data: dict[str, Any] = {
        "run": result.run,
        "rate": result.rate,
        "started": result.started,
        "seconds": result.seconds,
        "cpu_seconds": result.cpu_seconds,
        "own_lag_ms": _milliseconds(result.own_lag),
        "unsent": result.unsent,
        "idle_closed": result.idle_closed,
        "marks": result.marks,
        "total": window_as_json(result.total),
        "buckets": [{"at": at} | window_as_json(window) for at, window in result.buckets(bucket)],
        "failures": [vars(failure) for failure in result.failures],
        "server_log": vars(result.server_log) if result.server_log else None,
    }
    if samples:
        columns = {name: list(getattr(result.samples, name)) for name in Samples.COLUMNS}
        data["samples"] = columns | {"releases": result.samples.releases}
    return data


def from_json(data: dict[str, Any]) -> Result:
    """The result of as_json(samples=True); raises ValueError when the samples are missing.

    The server log's comparison is not carried over: repeat check_server_log where it is needed.
    """
    rows = data.get("samples")
    if rows is None:
        raise ValueError("this result was written without its samples")
    samples = Samples()
    for name in Samples.COLUMNS:
        getattr(samples, name).extend(rows[name])
    samples.releases = list(rows["releases"])
    result = Result(data["run"], data["rate"], data["started"], samples)
    result.seconds = data["seconds"]
    result.cpu_seconds = data["cpu_seconds"]
    lag = data["own_lag_ms"].items()
    result.own_lag = Latency(**{k: math.nan if ms is None else ms / 1e3 for k, ms in lag})
    result.unsent = data["unsent"]
    result.idle_closed = data["idle_closed"]
    result.marks = dict(data["marks"])
    result.failures = [Failure(**row) for row in data["failures"]]
    return result


def window_as_json(window: Window) -> dict[str, Any]:
    """The sums of one stretch of time, names instead of numbers, zero counts left out per kind."""
    return {
        "sent": window.sent,
        "ok": window.ok,
        "lost": window.lost,
        "outcomes": {outcome.label: window.count(outcome) for outcome in LOST},
        "statuses": {str(status): n for status, n in sorted(window.statuses.items())},
        "releases": dict(window.releases),
        "latency_ms": _milliseconds(window.latency),
        "kinds": {
            kind.label: {outcome.label: n for outcome, n in counts.items()}
            | {"latency_ms": _milliseconds(window.by_kind.get(kind, Latency.of(())))}
            for kind, counts in sorted(window.counts.items())
        },
    }


def _milliseconds(latency: Latency) -> dict[str, float | None]:
    values = vars(latency).items()
    return {name: None if math.isnan(s) else round(s * 1e3, 3) for name, s in values}


def as_text(result: Result) -> str:
    """A column per kind, a row per outcome, then releases, the first failures and the verdict."""
    total = result.total
    groups = {kind.label: (kind,) for kind in Kind if kind in total.counts}
    columns: list[list[str]] = [
        [
            "",
            "sent",
            "ok",
            *(outcome.label for outcome in LOST),
            "p50 ms",
            "p95 ms",
            "p99 ms",
            "max ms",
        ]
    ]
    for label, kinds in (groups | {"total": tuple(Kind)}).items():
        counts = [total.count(o, kinds=kinds) for o in (Outcome.OK, *LOST)]
        latency = total.latency
        if label in groups:
            latency = total.by_kind.get(kinds[0], Latency.of(()))
        figures = [str(n) for n in (total.count(kinds=kinds), *counts)]
        columns.append([label, *figures, *_figures(latency)])
    widths = [max(len(cell) for cell in column) for column in columns]
    lines = [
        row[0].ljust(widths[0])
        + "".join(cell.rjust(width + 2) for cell, width in zip(row[1:], widths[1:], strict=True))
        for row in zip(*columns, strict=True)
    ]
    core = 100 * result.cpu_seconds / max(result.seconds, 1e-9)
    lines.append(
        f"{result.seconds:.1f} s at {result.rate:g} requests/s (open loop); the client used "
        f"{core:.0f} % of a core and was itself late by {_figures(result.own_lag)[2]} ms at p99; "
        f"the servers closed {result.idle_closed} idle connections"
    )
    if result.unsent:
        lines.append(f"too slow a client: {result.unsent} requests that were due were never sent")
    lines += _details(result)
    return "\n".join(lines)


def _figures(latency: Latency) -> list[str]:
    values = (latency.p50, latency.p95, latency.p99, latency.max)
    return ["-" if math.isnan(value) else f"{value * 1e3:.1f}" for value in values]


def _details(result: Result) -> list[str]:
    """Releases, statuses, marks, the first lost requests, the servers' logs, the verdict."""
    lines = []
    for release, answers in sorted(result.total.releases.items()):
        span = result.answered_between(release)
        when = f" from {span[0]:.2f} to {span[1]:.2f} s" if span else ""
        lines.append(f"release {release or '(not named)'}: {answers} answers{when}")
    odd = {
        s: n for s, n in sorted(result.total.statuses.items()) if not 200 <= s < 300 and s != 101
    }
    if odd:
        lines.append("statuses: " + ", ".join(f"{status}: {n}" for status, n in odd.items()))
    lines += [f"mark {name}: {at:.2f} s" for name, at in result.marks.items()]
    for failure in result.failures[:SHOWN_FAILURES]:
        lines.append(
            f"lost at {failure.at:.3f}-{failure.ended:.3f} s: {failure.kind} {failure.request_id}: "
            f"{failure.outcome}, {failure.detail}"
        )
    duplicated = "not checked"
    log = result.server_log
    if log is not None:
        duplicated = f"{len(log.duplicates)} of {log.processed} processed"
        if log.unlogged or log.unanswered:
            lines.append(
                f"server log: {len(log.unlogged)} answered but not logged, "
                f"{len(log.unanswered)} processed but not answered"
            )
    lines.append(f"lost: {result.lost} of {result.sent}; duplicates: {duplicated}")
    return lines
