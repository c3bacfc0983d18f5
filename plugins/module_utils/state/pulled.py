# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The images that were pulled for a service, until they are removed again.

The journal forgets a release that failed, and never hears of one that was brought to a host and
swapped nowhere. Their images are ours to remove all the same, and only they are.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection

from ..errors import StateError
from .files import replace_file
from .folders import make_private_folder
from .lock import file_lock


class PulledImages:
    """The file that has their references, by digest."""

    def __init__(self, path: str) -> None:
        self.path = path

    def read(self) -> frozenset[str]:
        """What was pulled and not removed yet.

        :raises StateError: the file is damaged.
        """
        try:
            with open(self.path, encoding="utf-8") as stream:
                return frozenset(map(str, json.load(stream)))
        except FileNotFoundError:
            return frozenset()
        except (OSError, ValueError, TypeError) as error:
            raise StateError(
                f"cannot read {self.path}: {error}",
                next_step="remove it; images that it named then stay until removed by hand",
            ) from error

    def add(self, reference: str) -> None:
        """Remember an image that is about to be pulled."""
        self._change(lambda known: known | {reference})

    def forget(self, references: Collection[str]) -> None:
        """Images that are gone, or that are not ours to remove."""
        if references:
            self._change(lambda known: known - frozenset(references))

    def _change(self, change: Callable[[frozenset[str]], frozenset[str]]) -> None:
        make_private_folder(os.path.dirname(self.path))
        with file_lock(self.path + ".lock"):
            known = self.read()
            wanted = change(known)
            if wanted != known:
                replace_file(self.path, json.dumps(sorted(wanted), indent=1) + "\n", 0o600)
