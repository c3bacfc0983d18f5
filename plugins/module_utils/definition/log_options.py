# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of Docker's own log drivers; those of others are left to the engine.

The engine refuses a wrong one when a container is created: on the first host, in the middle of a
deploy.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from .problems import Place, nearest

_ANY = re.compile(r"[^\x00]*", re.DOTALL)
_SIZE = re.compile(r"[1-9]\d{0,12}(?:\.\d+)?\s?[kmgtKMGT]?(?:i?[bB])?", re.ASCII)
_COUNT = re.compile(r"[1-9]\d{0,5}", re.ASCII)
_FLAG = re.compile(r"1|t|T|TRUE|true|True|0|f|F|FALSE|false|False")
_MODE = re.compile(r"blocking|non-blocking")

# Of every driver (docs.docker.com, "Configure logging drivers").
_DELIVERY = {"mode": _MODE, "max-buffer-size": _SIZE}
_ATTRIBUTES = dict.fromkeys(("labels", "labels-regex", "env", "env-regex", "tag"), _ANY)
_FILES = {"max-size": _SIZE, "max-file": _COUNT, "compress": _FLAG}

OPTIONS: Mapping[str, Mapping[str, re.Pattern[str]]] = {
    "json-file": {**_FILES, **_ATTRIBUTES, **_DELIVERY},
    "local": {**_FILES, **_ATTRIBUTES, **_DELIVERY},
    "journald": {**_ATTRIBUTES, **_DELIVERY},
}

_MUST: Mapping[re.Pattern[str], str] = {
    _SIZE: "must be a size such as 10m",
    _COUNT: "must be a number of files from 1 on",
    _FLAG: "must be true or false, in quotes",
    _MODE: "must be blocking or non-blocking",
}


def check_log_options(place: Place, driver: str, options: Mapping[str, str]) -> None:
    """Record at ``place`` what the driver would refuse. No value is shown: some are credentials.

    :param place: that of the options.
    """
    known = OPTIONS.get(driver)
    if known is None:
        return
    for name, value in options.items():
        pattern = known.get(name)
        if pattern is None:
            must = f"is no option of the log driver {driver}, which has {', '.join(sorted(known))}"
            place.at(name).note(must, None, nearest(name, list(known)))
        elif not pattern.fullmatch(value):
            place.at(name).note(_MUST.get(pattern, "must be text"))
    if "max-buffer-size" in options and options.get("mode") != "non-blocking":
        place.at("max-buffer-size").note("needs mode: non-blocking")
