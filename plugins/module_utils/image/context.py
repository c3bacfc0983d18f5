# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The build context: the part of a commit's export that a builder gets."""

from __future__ import annotations

import io
import posixpath
import re
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO

from ..errors import BuildError
from .ignore import IgnoreRules

# What the classic builder's Dockerfile is called when the context itself must not have it.
_INJECTED = ".hundred.dockerfile"
_IGNORE_FILE = ".dockerignore"

# What Git LFS commits in place of a file.
_POINTER = re.compile(rb"version https://git-lfs\.github\.com/spec/[^\n]+\n(?:.*\n)*oid sha256:")
_LONGEST_POINTER = 1024


@dataclass(frozen=True)
class Layout:
    """Where things are in an export; paths relative to the export's root, "" for the root.

    :param folder: the source's folder in the repository.
    :param context: the context, as a path below that folder.
    :param dockerfile: the Dockerfile, as a path below that folder.
    """

    folder: str
    context: str
    dockerfile: str

    @property
    def context_path(self) -> str:
        """The context from the export's root."""
        return _joined(self.folder, self.context)

    @property
    def dockerfile_path(self) -> str:
        """The Dockerfile from the export's root."""
        return _joined(self.folder, self.dockerfile)


def check_layout(folder: str, context: str, dockerfile: str) -> Layout:
    """The layout, with clean paths.

    :raises BuildError: the context or the Dockerfile is not below the source.
    """
    for option, path in (("context", context), ("dockerfile", dockerfile)):
        clean = posixpath.normpath(path)
        if not path or path.startswith("/") or clean == ".." or clean.startswith("../"):
            raise BuildError(
                f"the {option} {path!r} must be a path below the source",
                step="source",
                next_step="only what the commit has can be built: name a path inside of it",
            )
    clean = posixpath.normpath(context)
    return Layout(folder, "" if clean == "." else clean, posixpath.normpath(dockerfile))


class Export:
    """A commit's files in a tar archive, as :func:`source.export` wrote them.

    :param tar: the archive, open for reading.
    :raises BuildError: the context or the Dockerfile is missing.
    """

    def __init__(self, tar: tarfile.TarFile, layout: Layout, revision: str) -> None:
        self._tar = tar
        self._members = {member.name: member for member in tar}
        self._layout = layout
        self._revision = revision
        self._check_context()
        self._dockerfile = self._read(layout.dockerfile_path)
        if self._dockerfile is None:
            raise self._no_dockerfile()
        self._rules = IgnoreRules(self._ignore_text())

    def empty_submodules(self, submodules: Iterable[str]) -> list[str]:
        """Those of the submodules that the context would have as empty folders."""
        inside = [path for path in submodules if path in self._members]
        return [
            path
            for path in inside
            if (relative := self._in_context(path)) and not self._rules.ignored(relative)
        ]

    def lfs_pointers(self) -> list[str]:
        """Files that the context would have as pointers of Git LFS, without their content."""
        return [member.name for member, _unused in self._kept() if self._is_pointer(member)]

    def write_context(self, target: IO[bytes]) -> str:
        """Write the context, less what ``.dockerignore`` leaves out, for the classic builder.

        :returns: the name of the Dockerfile in it.
        """
        dockerfile = self._in_context(self._layout.dockerfile_path)
        injected = (
            dockerfile is None
            or self._rules.ignored(dockerfile)
            # The engine would refuse a link that leaves the context.
            or not self._members[self._layout.dockerfile_path].isreg()
        )
        with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for member, name in self._kept():
                if injected and name == _IGNORE_FILE:
                    continue
                content = self._tar.extractfile(member) if member.isreg() else None
                tar.addfile(_renamed(member, name), content)
            if injected:
                self._inject(tar)
        return _INJECTED if injected or dockerfile is None else dockerfile

    def extract(self, folder: str) -> None:
        """Write the files to a folder, for BuildKit, which reads ``.dockerignore`` itself."""
        # Links last: no file of a crafted commit can be written through one.
        last = [member for member in self._members.values() if member.issym()]
        first = [member for member in self._members.values() if not member.issym()]
        for member in first + last:
            # Newer Pythons would otherwise refuse absolute links and change modes.
            if hasattr(tarfile, "fully_trusted_filter"):
                self._tar.extract(member, folder, filter="fully_trusted")
            else:
                self._tar.extract(member, folder)

    def _is_pointer(self, member: tarfile.TarInfo) -> bool:
        if not member.isreg() or member.size >= _LONGEST_POINTER:
            return False
        content = self._tar.extractfile(member)
        return content is not None and bool(_POINTER.match(content.read()))

    def _kept(self) -> Iterator[tuple[tarfile.TarInfo, str]]:
        for path, member in self._members.items():
            name = self._in_context(path)
            if name and not self._rules.ignored(name):
                yield member, name

    def _inject(self, tar: tarfile.TarFile) -> None:
        # The engine takes out of the context what the .dockerignore in it says of these two files,
        # so the commit's own .dockerignore stays only if it is not ignored itself.
        own = self._read(_joined(self._layout.context_path, _IGNORE_FILE))
        if own is not None and not self._rules.ignored(_IGNORE_FILE):
            ignore = own + f"\n{_INJECTED}\n".encode()
        else:
            ignore = f"{_IGNORE_FILE}\n{_INJECTED}\n".encode()
        for name, content in ((_INJECTED, self._dockerfile or b""), (_IGNORE_FILE, ignore)):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))

    def _in_context(self, path: str) -> str | None:
        """A path of the export relative to the context; None outside of it and for itself."""
        context = self._layout.context_path
        if not context:
            return path
        return path[len(context) + 1 :] or None if path.startswith(context + "/") else None

    def _ignore_text(self) -> str:
        own = self._read(self._layout.dockerfile_path + _IGNORE_FILE)
        if own is None:
            own = self._read(_joined(self._layout.context_path, _IGNORE_FILE))
        return (own or b"").decode(errors="surrogateescape")

    def _read(self, path: str) -> bytes | None:
        """A file's content, through links; None if there is none."""
        member = self._members.get(path)
        if member is None:
            return None
        try:
            content = self._tar.extractfile(member)
        except KeyError:  # a link to nowhere
            return None
        return content.read() if content else None

    def _check_context(self) -> None:
        context = self._layout.context_path
        if context and not any(path.startswith(context + "/") for path in self._members):
            raise BuildError(
                f"the revision {self._revision} has no folder {context} to build in",
                step="source",
                next_step="check the option context, and that the folder is committed",
            )

    def _no_dockerfile(self) -> BuildError:
        others = sorted(
            path for path in self._members if "dockerfile" in posixpath.basename(path).lower()
        )
        hint = f"; it has {', '.join(others[:5])}" if others else ""
        return BuildError(
            f"the revision {self._revision} has no Dockerfile {self._layout.dockerfile_path}{hint}",
            step="source",
            next_step="commit it (only what is committed is built, and not what .gitattributes"
            " marks as export-ignore), or name another by the option dockerfile",
        )


def _joined(folder: str, path: str) -> str:
    return f"{folder}/{path}" if folder and path else folder or path


def _renamed(member: tarfile.TarInfo, name: str) -> tarfile.TarInfo:
    copy = tarfile.TarInfo(name)
    for field in ("size", "mtime", "mode", "type", "linkname"):
        setattr(copy, field, getattr(member, field))
    return copy
