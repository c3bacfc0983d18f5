# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the supervisor decides, and what a reconcile does from any state that may be found."""

from __future__ import annotations

import json
import pathlib
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from types import SimpleNamespace

import pytest
from ansible_collections.hundred.containers.plugins.module_utils.definition.model import (
    Cron,
    Definition,
    Health,
)
from ansible_collections.hundred.containers.plugins.module_utils.definition.stored import to_mapping
from ansible_collections.hundred.containers.plugins.module_utils.engine.containers import (
    Container,
    ContainerState,
    Engine,
    container_name,
)
from ansible_collections.hundred.containers.plugins.module_utils.engine.networks import Network
from ansible_collections.hundred.containers.plugins.module_utils.errors import (
    LockedError,
    ProxyError,
    RolloutError,
    StateError,
)
from ansible_collections.hundred.containers.plugins.module_utils.probe import Outcome
from ansible_collections.hundred.containers.plugins.module_utils.proxy.protocol import (
    Backend,
    Member,
    Observed,
)
from ansible_collections.hundred.containers.plugins.module_utils.rollout import examine, purpose
from ansible_collections.hundred.containers.plugins.module_utils.rollout.host import Settings
from ansible_collections.hundred.containers.plugins.module_utils.rollout.plan import (
    Observation,
    choose_generation,
    make_plan,
    recover,
)
from ansible_collections.hundred.containers.plugins.module_utils.state.journal import (
    IDLE,
    STARTING,
    SWITCHED,
    Journal,
    Release,
)
from ansible_collections.hundred.containers.plugins.module_utils.state.repairs import Repairs
from ansible_collections.hundred.containers.plugins.module_utils.supervise import (
    illness,
    service,
)
from ansible_collections.hundred.containers.plugins.module_utils.supervise.daemon import Supervisor
from ansible_collections.hundred.containers.plugins.module_utils.supervise.judge import (
    NOTHING,
    OUT_OF_STEP_FOR,
    REPAIR,
    STOP,
    UNFINISHED_FOR,
    Seen,
    Verdict,
    judge,
)
from ansible_collections.hundred.containers.plugins.module_utils.supervise.metrics import (
    Family,
    Metrics,
    render,
)
from ansible_collections.hundred.containers.plugins.module_utils.supervise.pace import (
    LONGEST,
    SHORTEST,
    Pace,
    Turn,
)
from ansible_collections.hundred.containers.plugins.module_utils.supervise.remembered import (
    to_pace,
    to_repairs,
)
from ansible_collections.hundred.containers.plugins.module_utils.supervise.service import (
    TIMERS_PERIOD,
    Condition,
    Supervised,
)

STATES = ("running", "exited", "created", "paused", "restarting", "dead")


def release(generation: int, name: str) -> Release:
    return Release(generation, name, "shop", "sha256:" + name, name, {"routes": [{"path": "/"}]})


def replica(generation: int, slot: int, name: str = "", state: str = "running") -> Container:
    address = "10.0.%d.%d" % (generation, slot)
    title = container_name("shop", generation, slot)
    name = name or f"r{generation}"
    return Container(title, title, "shop", name, generation, slot, name, address, "i", state)


def routed(*containers: Container, fenced: tuple[str, ...] = ()) -> Observed:
    members = tuple(Member(item.name, item.address, 80) for item in containers)
    serving = {item.name: "maint" if item.name in fenced else "ready" for item in containers}
    return Observed(Backend("shop", members=members), serving, {}, True)


COMMITTED = Journal("shop", 2, committed=release(2, "r2"), kept=(release(1, "r1"),))
BOTH = (replica(2, 1), replica(2, 2))


def seen(**facts: object) -> Seen:
    base = Seen(COMMITTED, 2, True, BOTH, proxy=routed(*BOTH))
    return replace(base, **facts)


def test_a_service_that_is_as_it_should_be_is_left_alone():
    verdict = judge(seen())
    assert (verdict.act, verdict.reason, verdict.fence) == (NOTHING, "", frozenset())


def test_what_has_died_is_repaired_at_once_and_gets_no_request():
    dead = (replica(2, 1, state="exited"), BOTH[1])
    verdict = judge(seen(containers=dead))
    assert (verdict.act, verdict.after, verdict.fence) == (REPAIR, 0.0, {"shop-g2-1"})


def test_what_was_removed_is_made_again_and_its_address_gets_no_request():
    verdict = judge(seen(containers=BOTH[1:]))
    assert verdict.act == REPAIR and verdict.fence == {"shop-g2-1"}


def test_what_works_gets_requests_although_another_replica_cannot_be_repaired():
    # Both were started, and the repair ended with the failure of the first.
    dead = (replica(2, 1, state="exited"), BOTH[1])
    fenced = routed(*BOTH, fenced=("shop-g2-1", "shop-g2-2"))
    both = seen(containers=dead, proxy=fenced)
    verdict = judge(replace(both, well=frozenset({"shop-g2-2"})))
    assert (verdict.act, verdict.slots, verdict.starts) == (REPAIR, {2}, False)
    # Not before it has passed its probe; and what has requests needs nothing.
    assert judge(both).slots == {1}
    assert judge(seen(containers=dead, well=frozenset({"shop-g2-2"}))).slots == {1}


def test_one_ill_replica_is_replaced_at_a_time_and_none_that_is_well():
    assert judge(seen(ill=frozenset({"shop-g2-2"}))).ill == {"shop-g2-2"}
    assert judge(seen(ill=frozenset(item.name for item in BOTH))).ill == {"shop-g2-1"}
    # As long as another one is dead, what still runs is needed.
    dead = (replica(2, 1, state="exited"), BOTH[1])
    assert not judge(seen(containers=dead, ill=frozenset({"shop-g2-2"}))).ill


@pytest.mark.parametrize(
    ("journal", "containers", "act", "after"),
    [
        (replace(COMMITTED, stopped=True), BOTH, STOP, UNFINISHED_FOR),
        (replace(COMMITTED, desired=release(3, "r3")), BOTH, REPAIR, UNFINISHED_FOR),
        (replace(COMMITTED, phase=SWITCHED), BOTH, REPAIR, UNFINISHED_FOR),
        (Journal("shop"), (), NOTHING, 0.0),
    ],
    ids=["runs-though-stopped", "interrupted", "in-its-window", "nothing"],
)
def test_a_service_in_another_state(journal, containers, act, after):
    verdict = judge(seen(journal=journal, containers=containers))
    assert (verdict.act, verdict.after) == (act, after)


PAUSED = replace(COMMITTED, paused=True, desired=release(3, "r3"), phase=SWITCHED)


def test_a_paused_rollout_stays_paused_until_somebody_goes_on_with_it():
    new = (replica(3, 1), replica(3, 2))
    proxy = routed(*new)
    journal = recover(PAUSED, proxy)
    assert journal.committed is not None and journal.committed.generation == 3
    verdict = judge(seen(journal=journal, containers=(*BOTH, *new), proxy=proxy))
    assert verdict.act == NOTHING and "paused" in verdict.reason
    # The engine starts one that died again, and it must still be a member then.
    dead = (*BOTH, replica(3, 1, state="exited"), new[1])
    assert not judge(seen(journal=journal, containers=dead, proxy=proxy)).fence
    assert judge(seen(journal=journal, containers=new[:1], proxy=proxy)).fence == {"shop-g3-2"}


def test_what_died_in_a_rollout_that_did_not_end_gets_no_request_while_that_waits():
    journal = replace(COMMITTED, desired=release(2, "r2"), phase=SWITCHED)
    for state in (journal, recover(journal, routed(*BOTH))):
        dead = (replica(2, 1, state="exited"), BOTH[1], replica(1, 1))
        verdict = judge(seen(journal=state, containers=dead))
        assert (verdict.act, verdict.after) == (REPAIR, UNFINISHED_FOR)
        assert verdict.fence == {"shop-g2-1"}


def test_a_stopped_service_is_left_alone_once_the_proxy_knows_none_of_its_replicas():
    stopped = seen(journal=replace(COMMITTED, stopped=True), containers=())
    # Its proxy did not answer while it was stopped.
    assert judge(stopped).act == STOP
    assert stopped.proxy is not None and stopped.proxy.committed is not None
    without = replace(stopped.proxy, committed=replace(stopped.proxy.committed, members=()))
    assert judge(replace(stopped, proxy=without)).act == NOTHING


def test_the_proxy_is_brought_in_step():
    well = frozenset({"shop-g2-2"})
    verdict = judge(seen(proxy=routed(BOTH[0]), well=well))
    assert (verdict.act, verdict.slots, verdict.after) == (REPAIR, {2}, OUT_OF_STEP_FOR)
    assert judge(seen(proxy=replace(routed(*BOTH), in_step=False))).act == REPAIR
    assert judge(seen(proxy=Observed(), well=well)).act == REPAIR
    # One that has not passed its probe yet is waited for, without the lock.
    assert judge(seen(proxy=routed(BOTH[0]))).act == NOTHING
    assert judge(seen(proxy=None, routed=False)).act == NOTHING
    assert judge(seen(scheduled=False)).act == REPAIR


def run_of_repairs(slots: set[int], seconds: float = 3600.0) -> list[tuple[float, frozenset[int]]]:
    """The repairs of a service whose replicas die as soon as they have been repaired."""
    pace, now, repairs = Pace(), 1000.0, []
    while now < 1000.0 + seconds:
        chosen = pace.choose(slots)
        if now >= pace.not_before(chosen):
            pace = pace.repaired(now, chosen)
            repairs.append((now - 1000.0, chosen))
        now += 0.5
    assert pace.crash_loop and pace.total == len(repairs)
    return repairs


def test_a_crash_loop_never_gives_up_and_never_hurries():
    times = [at for at, _slots in run_of_repairs({1})]
    gaps = [later - earlier for earlier, later in zip(times, times[1:])]
    assert min(gaps) >= SHORTEST and max(gaps) <= LONGEST + 0.5
    assert sum(1 for at in times if at < 60) <= 5 and len(times) > 55


def test_replicas_in_a_crash_loop_take_turns():
    repairs = run_of_repairs({1, 2, 3, 4})
    # After a boot all at once; from then on one by one, each at a pace of its own.
    assert repairs[0] == (0.0, {1, 2, 3, 4})
    assert all(len(slots) == 1 for _at, slots in repairs[1:])
    times = [at for at, _slots in repairs]
    assert min(later - earlier for earlier, later in zip(times, times[1:])) >= SHORTEST
    for slot in (1, 2, 3, 4):
        mine = [at for at, slots in repairs if slot in slots]
        gaps = [later - earlier for earlier, later in zip(mine, mine[1:])]
        assert max(gaps) <= LONGEST + 4 * SHORTEST and len(mine) > 40
        assert sum(1 for at in mine if at < 60) <= 5


def test_what_was_well_until_now_does_not_wait_for_what_never_comes_up():
    hanging = Pace().repaired(0.0, {1})
    # The repair of the first gives way when the second dies: that is next, alone.
    assert hanging.choose({1, 2}) == {2} and hanging.not_before({2}) == SHORTEST
    after = hanging.repaired(SHORTEST, {2})
    assert after.choose({1}) == {1} and after.not_before({1}) == 2 * SHORTEST
    assert after.total == 2


def test_what_gave_way_to_a_rollout_has_begun_all_the_same():
    before = Pace().repaired(0.0, {1})
    after = before.repaired(10.0, {1, 2}).gave_way(before)
    assert after.turns == before.turns
    assert (after.total, after.not_before({2})) == (2, 10.0 + SHORTEST)


def test_a_repair_that_lasted_is_forgotten():
    pace = Pace().repaired(0.0, {1}).repaired(5.0, {1}).repaired(15.0, {1})
    assert (pace.row, pace.turns[1].wait) == (3, 20.0)
    assert pace.repaired(1000.0, {1}).row == 1
    assert pace.rested(30.0).row == 3 and pace.rested(1000.0).row == 0
    # At once after a quiet time, and still never twice within 5 s.
    again = pace.rested(1000.0).repaired(1000.0, {1})
    assert again.not_before({1}) == again.not_before({2}) == 1005.0


def test_a_restart_of_the_supervisor_is_no_reason_to_hurry():
    pace = Pace().repaired(10.0, {1, 2}).repaired(20.0, {1})
    kept = json.loads(json.dumps(asdict(to_repairs(pace, 5000.0, 3, "it died"))))
    assert (kept["row"], kept["last_at"], kept["next_at"]) == (2, 5020.0, 5030.0)
    # Another boot of the host, whose monotonic clock has begun anew.
    later = to_pace(Repairs(**kept), 7.0, 5018.0)
    assert later == Pace(2, 2.0, {1: Turn(2, 2.0), 2: Turn(1, -8.0)})
    assert to_pace(Repairs(**kept), 7.0, 4000.0) == Pace(2)


def test_slow_repairs_keep_no_service_waiting():
    slow, looked_at = threading.Event(), threading.Event()

    @dataclass
    class Service:
        act: Callable[[], object]
        busy: bool = False
        due: float = 0.0
        name: str = "shop"

        def round(self, containers: object) -> None:
            self.act()

    supervisor = Supervisor(Settings(), print, Metrics(""))
    try:
        for _number in range(40):
            supervisor.begin_round(Service(slow.wait), ())
        supervisor.begin_round(Service(looked_at.set), ())
        assert looked_at.wait(10)
    finally:
        slow.set()


def test_metrics_are_in_the_exposition_format():
    family = Family("a_b", "gauge", "Help.", [({"service": 'a"\\\n'}, 1.0), ({}, 0.5)])
    assert render([family]).splitlines() == [
        "# HELP a_b Help.",
        "# TYPE a_b gauge",
        'a_b{service="a\\"\\\\\\n"} 1',
        "a_b{} 0.5",
    ]


def test_metrics_tell_of_a_service_that_cannot_be_looked_at_and_nothing_that_was_typed(tmp_path):
    folder = tmp_path / "services" / "shop"
    folder.mkdir(parents=True)
    (folder / "journal.json").write_text("damaged")
    # The journal is read before the engine is asked for anything.
    engine = Engine.__new__(Engine)
    settings = Settings(state_dir=str(tmp_path))
    with ThreadPoolExecutor(1) as probes:
        service = Supervised(settings, "shop", engine, probes, print, print)
        service.round(())
    at = {"at": 5.0, "by": "anna", "result": "ok"}
    service.history.add({**at, "action": "rollout", "seconds": 2.5})
    service.history.add({**at, "action": "restart"})
    service.history.add({**at, "action": "console mysql --password=hush", "result": "failed"})
    metrics = Metrics(str(tmp_path / "hundred.prom"))
    metrics.write([service])
    text = (tmp_path / "hundred.prom").read_text()
    assert 'hundred_replicas_healthy{service="shop"} 0\n' in text
    assert 'hundred_replicas_wanted{service="shop"} 1\n' in text
    assert 'hundred_last_change_success{service="shop",action="restart"} 1\n' in text
    assert 'hundred_last_rollout_success{service="shop"} 1\n' in text
    assert 'hundred_last_rollout_seconds{service="shop"} 2.5\n' in text
    assert "hundred_engine_up{} 1\n" in text and "hush" not in text
    service.condition = Condition(wanted=2, healthy=2)
    away = render(metrics.families(engine=False))
    assert 'hundred_replicas_healthy{service="shop"} 0\n' in away
    assert 'hundred_replicas_wanted{service="shop"} 2\n' in away
    assert "hundred_engine_up{} 0\n" in away


# -- a service in the supervisor's care -------------------------------------------------------

DEAD = Verdict(REPAIR, "shop-g2-1 is exited", slots=frozenset({1}), starts=True)


class Care:
    """A service whose repair is an act of the test.

    :ivar act: called in the place of the repair's steps, under the lock.
    :ivar listed: what the engine lists, look by look; then nothing.
    :ivar starts: when repairs began that started something, on the monotonic clock.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: pathlib.Path) -> None:
        self.now, self.waits, self.locked = 1000.0, False, False
        self.folder, self.starts = folder, []
        self.listed: list[list[Container]] = []
        self.act: Callable[[], None] = lambda: None
        (folder / "services" / "shop").mkdir(parents=True)
        monkeypatch.setattr(service.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(service.time, "time", lambda: self.now + 5000.0)
        monkeypatch.setattr(service, "repair", self.repair)
        self.shop = self.begin()

    def begin(self) -> Supervised:
        """A supervisor's care of the service begins."""
        settings = Settings(state_dir=str(self.folder), gives_way=lambda: self.waits)
        engine = Engine.__new__(Engine)
        engine.containers = lambda name: self.listed.pop(0) if self.listed else []
        return Supervised(settings, "shop", engine, ThreadPoolExecutor(1), print, print)

    def repair(self, host, ill, slots, begins):
        if self.locked:
            raise LockedError("another rollout")
        begins()
        self.starts.append((self.now, set(slots)))
        self.act()
        return SimpleNamespace(seconds=0.0)

    def look(self, *dead: int, running: tuple[int, ...] = ()) -> float:
        """Act on dead replicas. :returns: after how many seconds to look again."""
        verdict = replace(DEAD, slots=frozenset(dead))
        containers = [replica(2, slot) for slot in running]
        return self.shop._act(verdict, verdict.reason, containers, self.now)


@pytest.fixture
def care(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> Care:
    return Care(monkeypatch, tmp_path)


def test_replicas_that_die_one_after_the_other_are_not_restarted_twice_within_five_seconds(care):
    dead, dies_at, give_ups = {1}, {1000.5: 2, 1001.0: 3}, []

    def hang() -> None:
        # The replica never comes up; the wait for it ends when somebody is to be let in.
        while True:
            care.now += 0.5
            if care.now in dies_at:
                slot = dies_at.pop(care.now)
                dead.add(slot)
                care.shop.tell_died(f"shop-g2-{slot}")
            if care.shop._is_to_stop():
                give_ups.append(care.now)
                raise RolloutError("the supervisor gave way")
            if care.now > 1030.0:
                raise RolloutError("not healthy within healthy_deadline")

    care.act = hang
    totals = []
    while care.now < 1030.0:
        care.shop.forget_deaths()
        care.now += max(0.05, care.look(*sorted(dead), running=tuple({1, 2, 3} - dead)))
        totals.append(care.shop.pace.total)
    # Those that were well until now are repaired together, as soon as that may be.
    assert [slots for _at, slots in care.starts[:2]] == [{1}, {2, 3}]
    assert give_ups[0] == care.starts[0][0] + SHORTEST
    times = [at for at, _slots in care.starts]
    assert min(later - earlier for earlier, later in zip(times, times[1:])) >= SHORTEST
    assert totals == sorted(totals) and totals[-1] == len(times)


def test_a_repair_begins_when_the_engine_lists_as_dead_what_it_has_told_is_dead(care, monkeypatch):
    committed = replace(release(2, "r2"), definition=to_mapping(CRONTAB))
    found = replace(COMMITTED, committed=committed)
    monkeypatch.setattr(service, "look", lambda host: (found, None, None))
    monkeypatch.setattr(service, "in_step", no_systemd)
    care.listed = [[replica(2, 1)], [replica(2, 1)], [replica(2, 1, state="exited")]]
    left = []
    care.act = lambda: left.append(list(care.listed))
    care.shop.round([replica(2, 1, state="exited")])
    assert left == [[]]


def test_a_repair_that_gives_way_counts_and_one_that_finds_the_lock_taken_does_not(care):
    care.locked = True
    care.look(1)
    assert care.shop.pace == Pace()
    care.locked = False

    def give_way() -> None:
        assert care.shop.pace.total == 1  # what the metrics may tell meanwhile
        care.waits = True
        raise RolloutError("the supervisor gave way")

    care.act = give_way
    care.look(1)
    assert care.shop.pace == Pace(1, 1000.0)
    assert care.begin().pace == Pace(1, 1000.0)
    care.now += 1.0
    assert care.look(1) == SHORTEST - 1.0 and len(care.starts) == 1


def test_a_supervisor_that_is_killed_in_a_repair_is_in_no_hurry_afterwards(care):
    class Killed(BaseException):
        """In the place of SIGKILL: nothing catches it."""

    def die() -> None:
        raise Killed

    care.act = die
    for row in (1, 2, 3):
        with pytest.raises(Killed):
            care.look(1)
        care.shop = care.begin()
        assert care.shop.pace == Pace(row, care.now, {1: Turn(row, care.now)})
        care.now = care.shop.pace.turns[1].due
    assert care.shop.pace.crash_loop


def test_a_service_that_was_stopped_by_name_wants_no_replica_while_its_proxy_is_down(
    care, monkeypatch
):
    def no_proxy(host: object) -> object:
        raise ProxyError("connection refused")

    monkeypatch.setattr(service, "look", no_proxy)
    journal = replace(COMMITTED, committed=replace(release(2, "r2"), definition={"replicas": 2}))
    for stopped, wanted in ((False, 2), (True, 0)):
        care.shop._host.journal_file.write(replace(journal, stopped=stopped))
        care.shop.round(())
        assert care.shop.condition == Condition(wanted, 0)


CRONTAB = Definition("shop", "shop", replicas=2, cron=Cron(text="* * * * * true"))


def no_systemd(*_anything: object) -> None:
    raise StateError("systemctl does not tell of timers")


def test_trouble_with_timers_is_told_and_keeps_no_replica_down(care, monkeypatch, capsys):
    committed = replace(release(2, "r2"), definition=to_mapping(CRONTAB))
    found = replace(COMMITTED, committed=committed)
    monkeypatch.setattr(service, "look", lambda host: (found, None, None))
    monkeypatch.setattr(service, "in_step", no_systemd)
    for _round in range(3):
        care.shop.round([replica(2, 1, state="exited")])
        care.now += 2 * TIMERS_PERIOD
    assert [slots for _at, slots in care.starts] == [{1, 2}] * 3
    assert care.shop.condition == Condition(2, 0)
    assert capsys.readouterr().out.count("whether its timers are there") == 1


def test_a_repair_of_replicas_does_not_ask_for_timers_and_one_of_the_service_does(monkeypatch):
    monkeypatch.setattr(examine, "planned_units", no_systemd)
    monkeypatch.setattr(examine, "find_image", lambda client, reference: object())
    replicas = [replica(2, 1, state="exited"), replica(2, 2)]
    committed = replace(release(2, "r2"), definition=to_mapping(CRONTAB))
    journal = replace(COMMITTED, committed=committed)
    host = SimpleNamespace(
        service="shop",
        engine=SimpleNamespace(
            containers=lambda name: replicas, client=None, require_sdk=lambda: None
        ),
        journal_file=SimpleNamespace(read=lambda: journal),
        networks=SimpleNamespace(
            network=Network(), exists=lambda: True, peek=lambda count: [], occupied=dict
        ),
        secrets=SimpleNamespace(read=lambda name: {}),
    )
    wanted = examine.Wanted(CRONTAB, "sha256:r2", "r2", release="r2", purpose=purpose.REPAIR)
    seen = examine.examine(host, replace(wanted, slots=frozenset({1})), make_key=False)
    assert [item.slot for item in seen.plan.revive] == [1]
    with pytest.raises(StateError):
        examine.examine(host, wanted, make_key=False)


# -- which replicas are ill ------------------------------------------------------------------

HEALTH = Health(failures=3, healthy_deadline=20.0)
PASS, FAIL = Outcome(True, "GET /up answers 200"), Outcome(False, "GET /up answers 503")


class Clock:
    """The engine's time stamps and the clock of the host, which may jump."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.ticks = 1_800_000_000.0, 1000.0
        self.started_at = self.stamp()
        monkeypatch.setattr(illness.time, "time", lambda: self.now)
        monkeypatch.setattr(illness.time, "monotonic", lambda: self.ticks)

    def stamp(self) -> str:
        return time.strftime("%Y-%m-%dT%H:%M:%S.123456789Z", time.gmtime(self.now))

    def passes(self, seconds: float) -> None:
        self.now += seconds
        self.ticks += seconds

    def inspect(self, container: str) -> ContainerState:
        return ContainerState(True, 0, False, self.started_at, 0, "", None)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def tell(found: illness.Illness, clock: Clock, *outcomes: Outcome, every: float = 1.0) -> bool:
    """Whether the first replica is ill after these probes."""
    for outcome in outcomes:
        clock.passes(every)
        found.tell(BOTH[0], outcome, HEALTH)
    return bool(found.ill(BOTH, HEALTH))


def test_a_replica_is_ill_after_as_many_failures_in_a_row_and_a_flapping_one_is_not(clock):
    found = illness.Illness(clock.inspect)
    assert not tell(found, clock, PASS, *([FAIL, FAIL, PASS] * 20))
    assert not tell(found, clock, FAIL, FAIL) and found.suspected()
    assert tell(found, clock, FAIL) and not tell(found, clock, PASS)
    assert found.well(BOTH) == {"shop-g2-1"} and not found.suspected()


def test_what_is_slow_to_start_has_until_the_deadline(clock):
    found = illness.Illness(clock.inspect)
    assert not tell(found, clock, *([FAIL] * 19))
    assert tell(found, clock, *([FAIL] * 4))


def test_what_was_started_again_has_its_time_again(clock):
    found = illness.Illness(clock.inspect)
    assert not tell(found, clock, PASS, FAIL, FAIL)
    clock.started_at = clock.stamp()
    assert not tell(found, clock, *([FAIL] * 10))


@pytest.mark.parametrize("jump", [3 * 86400.0, -3 * 86400.0], ids=["forwards", "backwards"])
def test_a_jump_of_the_clock_makes_nothing_ill_and_hides_nothing(clock, jump):
    found = illness.Illness(clock.inspect)
    assert not tell(found, clock, PASS)
    clock.now += jump
    assert not tell(found, clock, *([PASS] * 5))
    assert tell(found, clock, *([FAIL] * 3))
    # One that has never passed: at the latest when it was watched for as long.
    other = illness.Illness(clock.inspect)
    assert tell(other, clock, *([FAIL] * 24))


def test_a_jump_of_the_clock_takes_no_time_from_a_start_that_was_seen(clock):
    found = illness.Illness(clock.inspect)
    found.keep_only(())
    clock.passes(5.0)
    clock.started_at = clock.stamp()
    clock.passes(2.0)
    clock.now += 3 * 86400.0
    found.keep_only(BOTH)
    # It ran 2 s ago, and 7 s ago it did not.
    assert not tell(found, clock, *([FAIL] * 12)) and not found.suspected()
    clock.now += 3 * 86400.0
    assert not tell(found, clock, *([FAIL] * 2))
    assert tell(found, clock, *([FAIL] * 6))


def test_a_start_before_the_supervisors_is_as_old_as_the_engine_says(clock):
    found = illness.Illness(clock.inspect)
    clock.passes(60.0)
    found.keep_only(BOTH)
    assert tell(found, clock, *([FAIL] * 3))


# -- from any state --------------------------------------------------------------------------


@dataclass
class World:
    """A host as the plan sees it, and what its steps make of it."""

    journal: Journal
    containers: dict[str, Container]
    members: list[str]
    ill: set[str] = field(default_factory=set)
    lost: bool = False

    def observed(self) -> Observed:
        found = [self.containers.get(name) for name in self.members]
        known = [item for item in found if item is not None]
        gone = [name for name in self.members if name not in self.containers]
        file = [*(Member(item.name, item.address, 80) for item in known)]
        file += [Member(name, "10.9.9.9", 80) for name in gone]
        serving = dict.fromkeys(self.members, "ready")
        return Observed(Backend("shop", members=tuple(file)), serving, {}, True)

    def serving(self) -> set[str]:
        """The healthy replicas that requests reach."""
        return {
            name
            for name in self.members
            if name in self.containers and self.containers[name].running and name not in self.ill
        }

    def check(self, before: set[str]) -> None:
        """Something that served and was well must not be gone before another one serves."""
        if before and not self.serving():
            self.lost = True


def apply(world: World, wanted: Release, replicas: int) -> int:
    """Do what the plan says, in the order of ``rollout.swap``.

    :returns: how many steps there were.
    """
    journal = recover(world.journal, world.observed())
    names = list(world.containers.values())
    generation = choose_generation(journal, names, wanted.release)
    observation = Observation(journal, tuple(names), world.observed(), frozenset(world.ill))
    plan = make_plan(observation, wanted.release, replicas, generation)
    steps = 0
    sound = set(world.serving())
    for item in (*plan.discard, *plan.replace):
        world.members = [name for name in world.members if name != item.name]
        del world.containers[item.name]
        world.ill.discard(item.name)
        world.check(sound)
        steps += 1
    for item in plan.revive:
        world.containers[item.name] = replace(item, state="running")
        steps += 1
    for slot in plan.create:
        new = replica(generation, slot, wanted.release)
        assert new.name not in world.containers
        world.containers[new.name] = new
        steps += 1
    going_on = [*plan.keep, *plan.settle, *plan.revive]
    new_members = [item.name for item in going_on]
    new_members += [container_name("shop", generation, slot) for slot in plan.create]
    steps += len(set(world.members) ^ set(new_members))
    world.members = sorted(new_members)
    world.check(sound)
    for item in plan.retire:
        del world.containers[item.name]
        world.check(sound)
        steps += 1
    committed = replace(wanted, generation=generation)
    world.journal = journal.commit(committed, 1.0, 3)
    return steps


def any_world(seed: int) -> tuple[World, Release, int]:
    """A state that a host may be found in: containers of several releases in any state, a journal
    of any phase, a proxy that routes to some of them or to what is gone.
    """
    chance = random.Random(seed)
    replicas = chance.randint(1, 4)
    containers = {}
    for generation in (1, 2, 3):
        for slot in range(1, chance.randint(0, 5) + 1):
            item = replica(generation, slot, state=chance.choice(STATES))
            containers[item.name] = item
    committed = chance.choice([None, release(1, "r1"), release(2, "r2")])
    desired = chance.choice([None, release(2, "r2"), release(3, "r3")])
    journal = Journal(
        "shop",
        last_generation=3,
        committed=committed,
        desired=desired,
        kept=(release(1, "r1"),) if committed is not None and committed.generation == 2 else (),
        phase=chance.choice([STARTING, SWITCHED]) if desired is not None else IDLE,
        stopped=chance.random() < 0.1,
    )
    names = [*containers, "shop-g1-9", "shop-g2-9"]
    members = chance.sample(names, chance.randint(0, min(4, len(names))))
    running = [name for name, item in containers.items() if item.running]
    ill = {name for name in running if chance.random() < 0.2}
    wanted = chance.choice([release(2, "r2"), release(3, "r3"), release(4, "new")])
    return World(journal, containers, members, ill), wanted, replicas


@pytest.mark.parametrize("seed", range(0, 4000, 20))
def test_from_any_state_the_steps_lead_to_the_goal_and_end(seed):
    for number in range(seed, seed + 20):
        world, wanted, replicas = any_world(number)
        apply(world, wanted, replicas)
        running = {item.name for item in world.containers.values() if item.running}
        slots = sorted(item.slot for item in world.containers.values())
        assert slots == list(range(1, replicas + 1)), number
        assert running == set(world.containers) == set(world.members), number
        assert {item.release for item in world.containers.values()} == {wanted.release}, number
        assert not world.ill & running, number
        # It ends: a second run has nothing to do.
        assert apply(world, wanted, replicas) == 0, number


@pytest.mark.parametrize("seed", range(0, 4000, 20))
def test_from_any_state_what_serves_is_never_removed_before_another_serves(seed):
    for number in range(seed, seed + 20):
        world, wanted, replicas = any_world(number)
        apply(world, wanted, replicas)
        assert not world.lost, number
