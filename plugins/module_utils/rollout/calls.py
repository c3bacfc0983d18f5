# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the ``service_*`` modules do with their options, for the modules themselves and for the
host's own copy of the core.

Each imports what it needs itself: to import all takes longer than a call that finds nothing to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..definition.units import read_duration
from ..errors import HundredError
from .options import make_result, make_wanted, open_host

if TYPE_CHECKING:
    from .host import ServiceHost
    from .outcome import Outcome


def service_rollout(params: Mapping[str, Any], check: bool, diff: bool) -> dict[str, Any]:
    """The result of ``service_rollout``.

    :raises HundredError: it failed.
    """
    if params["state"] != "present":
        outcome = _act(params["state"], open_host(params), check)
    elif params["prefetch"]:
        return _prefetched(params, check)
    else:
        from .present import present

        outcome = present(open_host(params), make_wanted(params, check), check)
    return {**make_result(params["name"], outcome, diff), **_needed(outcome)}


def _needed(outcome: Outcome) -> dict[str, bool]:
    return {"needed": outcome.changed or outcome.owed, "owed": outcome.owed}


def _act(state: str, host: ServiceHost, check: bool) -> Outcome:
    from .again import restart, start
    from .stop import remove, stop

    acts = {"stopped": stop, "started": start, "restarted": restart, "absent": remove}
    return acts[state](host, check)


def _prefetched(params: Mapping[str, Any], check: bool) -> dict[str, Any]:
    """Changed tells of this call, which only pulls; needed tells of the rollout."""
    from .present import prefetch

    try:
        pulled, outcome = prefetch(open_host(params), make_wanted(params, check), check)
    except HundredError as error:
        error.details["prefetched"] = True  # whatever it was, nothing of a swap was begun
        raise
    result = make_result(params["name"], outcome, False)
    result["actions"] = ["pull the image"] if pulled else []
    return {**result, **_needed(outcome), "changed": pulled, "prefetched": True}


def service_rollback(params: Mapping[str, Any], check: bool, diff: bool) -> dict[str, Any]:
    """The result of ``service_rollback``.

    :raises HundredError: it failed.
    """
    from .undo import go_back, leave, look, renew, undo

    host = open_host(params)
    if params["look"]:
        return look(host, params["ended"])
    if params["claims"] == "renew":
        lease = read_duration("lease", params["lease"])
        outcome = renew(host, params["undo"], lease, check)
    elif params["claims"] is not None:
        outcome = leave(host, params["undo"], params["claims"], check)
    elif params["undo"] is not None:
        outcome = undo(host, params["undo"], check)
    else:
        outcome = go_back(host, params["ended"], params["to"], check)
    return make_result(params["name"], outcome, diff)


def service_info(params: Mapping[str, Any], check: bool, diff: bool) -> dict[str, Any]:  # noqa: ARG001
    """The result of ``service_info``, which changes nothing in any mode.

    :raises HundredError: it failed.
    """
    from .host import Settings
    from .info import describe_services, former_services

    if params["history"] < 0:
        raise HundredError(f"history is {params['history']}: it must be 0 or more")
    settings = Settings(state_dir=params["state_dir"], docker_host=params["docker_host"])
    services = describe_services(settings, params["name"], params["history"])
    former = [] if params["name"] is not None else former_services(settings, params["history"])
    return {"changed": False, "services": services, "former": former}


# By the names of the modules.
CALLS = {
    "service_info": service_info,
    "service_rollback": service_rollback,
    "service_rollout": service_rollout,
}
