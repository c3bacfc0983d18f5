# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run of the load client found: every request, and the sums over any stretch of time."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .traffic import LOST, PACED, Kind, Outcome


@dataclass
class Samples:
    """One row per request, in columns; the row's number is the request's sequence number.

    due: when it was scheduled, µs since the run's start. latency: µs from then to the outcome.
    status: HTTP status, 0 without an answer. release: index into releases (0: none named).
    """

    due: array[int] = field(default_factory=lambda: array("q"))
    latency: array[int] = field(default_factory=lambda: array("q"))
    kind: array[int] = field(default_factory=lambda: array("b"))
    outcome: array[int] = field(default_factory=lambda: array("b"))
    status: array[int] = field(default_factory=lambda: array("h"))
    release: array[int] = field(default_factory=lambda: array("h"))
    releases: list[str] = field(default_factory=lambda: [""])

    COLUMNS = ("due", "latency", "kind", "outcome", "status", "release")

    def __len__(self) -> int:
        return len(self.due)

    def begin(self, due: int, kind: Kind) -> int:
        """Add a pending request; returns its number."""
        self.due.append(due)
        self.latency.append(0)
        self.kind.append(kind)
        self.outcome.append(Outcome.PENDING)
        self.status.append(0)
        self.release.append(0)
        return len(self.due) - 1

    def finish(self, index: int, outcome: Outcome, latency: int, status: int, release: str) -> None:
        """Record what became of a request."""
        self.outcome[index] = outcome
        self.latency[index] = latency
        self.status[index] = status
        if release:
            if release not in self.releases:
                self.releases.append(release)
            self.release[index] = self.releases.index(release)


@dataclass(frozen=True)
class Failure:
    """One lost request, for whoever must find out why."""

    at: float
    """When it was due, seconds since the run's start."""
    ended: float
    """When it was lost, seconds since the run's start."""
    kind: str
    request_id: str
    outcome: str
    detail: str


@dataclass(frozen=True)
class Latency:
    """Of ok answers, in seconds, counted from the scheduled time. NaN when there was none."""

    p50: float
    p95: float
    p99: float
    max: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Latency:
        """The percentiles of unsorted values, by nearest rank."""
        if not seconds:
            return cls(math.nan, math.nan, math.nan, math.nan)
        ordered = sorted(seconds)

        def rank(share: float) -> float:
            return ordered[max(0, math.ceil(share * len(ordered)) - 1)]

        return cls(rank(0.50), rank(0.95), rank(0.99), ordered[-1])


@dataclass(frozen=True)
class ServerLog:
    """The servers' own logs of processed ids, held against what the client saw."""

    processed: int
    """Ids of this run in the logs, repeats included."""
    duplicates: list[str]
    """Processed more than once: somebody replayed a request."""
    unlogged: list[str]
    """Answered ok, yet in no log: a log is missing, or an answer is invented."""
    unanswered: list[str]
    """Processed, but the answer never reached the client."""


@dataclass
class Window:
    """The sums over the requests that were due in a stretch of time."""

    counts: dict[Kind, Counter[Outcome]]
    statuses: Counter[int]
    """Answers by HTTP status."""
    releases: Counter[str]
    """Ok answers by the release that gave them."""
    latency: Latency
    """Of the paced kinds (see traffic.PACED)."""
    by_kind: dict[Kind, Latency]

    def count(self, *outcomes: Outcome, kinds: Iterable[Kind] = tuple(Kind)) -> int:
        """How many requests of these kinds had one of these outcomes (none named: any)."""
        wanted = outcomes or tuple(Outcome)
        return sum(self.counts[k][o] for k in kinds if k in self.counts for o in wanted)

    @property
    def sent(self) -> int:
        """All requests."""
        return self.count()

    @property
    def ok(self) -> int:
        """Whole, right answers."""
        return self.count(Outcome.OK)

    @property
    def lost(self) -> int:
        """Everything that was sent and not answered well."""
        return self.count(*LOST)


class Result:
    """A finished run.

    Attributes:
        run: the prefix of the run's ids.
        started: time.monotonic() at the start; comparable with other processes on this machine.
        seconds: how long requests were issued.
        cpu_seconds: processor time of the whole client process in the run.
        own_lag: how late the client itself issued paced requests, in seconds; latencies contain it.
        unsent: paced requests that were due but never sent, the client being too slow; want 0.
        idle_closed: keep-alive connections that the server closed while they were idle: benign.
        marks: seconds since the start of each mark() of the caller.
        failures: the first lost requests.
        server_log: set by check_server_log.
    """

    def __init__(self, run: str, rate: float, started: float, samples: Samples) -> None:
        self.run = run
        self.rate = rate
        self.started = started
        self.samples = samples
        self.seconds = 0.0
        self.cpu_seconds = 0.0
        self.own_lag = Latency.of(())
        self.unsent = 0
        self.idle_closed = 0
        self.marks: dict[str, float] = {}
        self.failures: list[Failure] = []
        self.server_log: ServerLog | None = None
        self._total: tuple[int, Window] | None = None

    def window(self, begin: float = 0.0, end: float = math.inf) -> Window:
        """The sums over requests due in [begin, end), in seconds since the run's start."""
        low, high = begin * 1e6, end * 1e6
        return self._sum(i for i, due in enumerate(self.samples.due) if low <= due < high)

    def _sum(self, indices: Iterable[int]) -> Window:
        s = self.samples
        counts: dict[Kind, Counter[Outcome]] = {}
        statuses: Counter[int] = Counter()
        releases: Counter[str] = Counter()
        seconds: dict[Kind, list[float]] = {}
        for index in indices:
            kind, outcome = Kind(s.kind[index]), Outcome(s.outcome[index])
            counts.setdefault(kind, Counter())[outcome] += 1
            if s.status[index]:
                statuses[s.status[index]] += 1
            if outcome is Outcome.OK:
                releases[s.releases[s.release[index]]] += 1
                seconds.setdefault(kind, []).append(s.latency[index] / 1e6)
        paced = [value for kind in PACED for value in seconds.get(kind, ())]
        by_kind = {kind: Latency.of(values) for kind, values in seconds.items()}
        return Window(counts, statuses, releases, Latency.of(paced), by_kind)

    def between(self, begin: float, end: float) -> Window:
        """The same between two readings of time.monotonic() on this machine."""
        return self.window(begin - self.started, end - self.started)

    @property
    def total(self) -> Window:
        """The sums over the whole run."""
        if self._total is None or self._total[0] != len(self.samples):
            self._total = (len(self.samples), self.window())
        return self._total[1]

    @property
    def sent(self) -> int:
        """All requests of the run."""
        return self.total.sent

    @property
    def ok(self) -> int:
        """Whole, right answers."""
        return self.total.ok

    @property
    def lost(self) -> int:
        """Lost requests of the run; duplicates are counted by check_server_log."""
        return self.total.lost

    def count(self, *outcomes: Outcome, kinds: Iterable[Kind] = tuple(Kind)) -> int:
        """As Window.count, over the whole run."""
        return self.total.count(*outcomes, kinds=kinds)

    def buckets(self, width: float = 1.0) -> list[tuple[float, Window]]:
        """(begin, sums) of consecutive stretches of width seconds that cover the run."""
        groups: list[list[int]] = []
        for index, due in enumerate(self.samples.due):
            step = int(due / 1e6 / width)
            while len(groups) <= step:
                groups.append([])
            groups[step].append(index)
        return [(step * width, self._sum(group)) for step, group in enumerate(groups)]

    def answered_between(self, release: str) -> tuple[float, float] | None:
        """When the first and the last request that this release answered were due; None: never."""
        s = self.samples
        if release not in s.releases:
            return None
        wanted = s.releases.index(release)
        ok = (i for i in range(len(s)) if s.release[i] == wanted and s.outcome[i] == Outcome.OK)
        times = [s.due[i] / 1e6 for i in ok]
        return (min(times), max(times)) if times else None

    def request_id(self, index: int) -> str:
        """The id of a request by its sequence number."""
        return f"{self.run}-{index:08d}"

    def check_server_log(
        self, processed: Iterable[str], kinds: Iterable[Kind] = tuple(Kind)
    ) -> ServerLog:
        """Compare with the ids that the servers say they processed (one entry per processing).

        Ids of other runs are ignored. kinds: those which the servers log. Websocket sessions carry
        the id of their handshake.
        """
        prefix = f"{self.run}-"
        seen = Counter(
            line for line in (raw.strip() for raw in processed) if line.startswith(prefix)
        )
        logged = set(kinds)
        unlogged, unanswered = [], []
        for index in range(len(self.samples)):
            name, ok = self.request_id(index), self.samples.outcome[index] == Outcome.OK
            if ok and name not in seen and Kind(self.samples.kind[index]) in logged:
                unlogged.append(name)
            elif not ok and name in seen:
                unanswered.append(name)
        twice = sorted(name for name, times in seen.items() if times > 1)
        self.server_log = ServerLog(sum(seen.values()), twice, unlogged, unanswered)
        return self.server_log
