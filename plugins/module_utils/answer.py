# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a call into the core comes to, as the result of a module, whether it was made by Ansible's
module or by the host's own copy of the core.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Callable

from .errors import HundredError

if TYPE_CHECKING:
    from types import TracebackType


def answer(function: Callable[[], Mapping[str, Any]], diff: bool) -> dict[str, Any]:
    """The result of a call.

    What it raises as :class:`HundredError` becomes a failed result, with the error's facts
    (``step``, ``serving``, ``next_step``, ...) as keys.

    :param function: the call; returns the result.
    :param diff: in diff mode a result that has ``actions`` and brings no ``diff`` shows the
        actions as its diff.
    """
    with _OutermostHandler() as outermost:
        result = dict(function())
        if diff and result.get("actions") and "diff" not in result:
            result["diff"] = {"prepared": "\n".join(result["actions"]) + "\n"}
        return result
    return outermost.failure


class _OutermostHandler:
    """Keeps what its body raises as a failed result, so that no user meets a bare traceback."""

    def __init__(self) -> None:
        self.failure: dict[str, Any] = {}

    def __enter__(self) -> _OutermostHandler:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if isinstance(error, HundredError):
            self.failure = {"failed": True, "msg": error.text(), **error.as_result()}
            return True
        if isinstance(error, Exception):  # a fault of ours
            self.failure = {
                "failed": True,
                "msg": f"internal error: {type(error).__name__}: {error}",
                "next_step": "report it with the traceback, which -vvv shows",
                "exception": "".join(traceback.format_exception(kind, error, trace)),
            }
            return True
        return False
