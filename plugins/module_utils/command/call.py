# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A call that Ansible makes into the host's own copy of the core.

It is what a module does, by the same code, without the half second in which Ansible packs a module
and the host compiles it. The request comes on standard input, so that secrets are in no argument.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress

from ..answer import answer
from ..rollout.calls import CALLS


def main() -> int:
    """Do what the JSON object on standard input asks for, and print the result as JSON.

    Its keys are ``module``, ``params`` (the module's options, checked and complete), ``check`` and
    ``diff``.

    :returns: the exit code: 1 when the call failed.
    """
    request = json.load(sys.stdin)
    call, check, diff = CALLS[request["module"]], request["check"], request["diff"]
    result = answer(lambda: call(request["params"], check, diff), diff)
    # Who asked may be gone: what was done is done.
    with suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(result) + "\n")
        sys.stdout.flush()
    return 1 if result.get("failed") else 0
