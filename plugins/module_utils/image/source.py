# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of an image: a commit of a git repository, never what lies in its work tree."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO
from urllib.parse import urlsplit, urlunsplit

from ..errors import SourceError
from .git import git

_GITLINK = b"160000"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

# How many commits tell whether a revision descends from the one that serves. Of those further back
# the commit times tell, unless a committer's clock was wrong by as many commits.
ANCESTORS = 50

# How many commits tell whether a revision comes before the one that serves: the newest of all that
# the clone has, since what serves is rarely old.
DESCENDANTS = 100


@dataclass(frozen=True)
class Source:
    """A folder of a repository.

    :param path: the folder as the user named it, for messages.
    :param git_dir: absolute path of the repository's own folder (``.git`` or a bare repository).
    :param folder: the folder inside the repository, "" for its root.
    :param shallow: whether the clone lacks old commits.
    """

    path: str
    git_dir: str
    folder: str
    shallow: bool

    @property
    def where(self) -> str:
        """The repository as an argument of :func:`git`."""
        return f"--git-dir={self.git_dir}"


@dataclass(frozen=True)
class Commit:
    """A commit of a source.

    :param sha: its full name.
    :param time: when it was committed, RFC 3339 with the committer's own time zone.
    """

    source: Source
    sha: str
    time: str


def find_source(path: str) -> Source:
    """The repository that a folder belongs to.

    The folder itself need not exist: it may be one that only the commit has.

    :raises SourceError: there is no such repository, or git refuses it.
    """
    if not path or _CONTROL.search(path):
        raise SourceError(f"the source {path!r} is not a path", step="source")
    wanted = os.path.realpath(os.path.expanduser(path))
    if os.path.exists(wanted) and not os.path.isdir(wanted):
        raise SourceError(f"the source {path} is not a folder", step="source")
    existing = wanted
    while not os.path.isdir(existing):
        existing = os.path.dirname(existing)
    try:
        said = git(
            existing,
            "rev-parse",
            "--is-inside-git-dir",
            "--is-shallow-repository",
            "--absolute-git-dir",
            "--show-prefix",
        )
    except SourceError as error:
        if "not a git repository" not in error.message:
            raise
        raise SourceError(
            f"the source {path} is not in a git repository",
            step="source",
            next_step="name a clone, its subfolder or a bare repository on the host that builds"
            if os.path.exists(wanted)
            else f"there is no folder {wanted} on the host that builds: check the path",
        ) from error
    inside, shallow, git_dir, prefix = os.fsdecode(said).split("\n")[:4]
    top = git_dir if inside == "true" else _without_suffix(existing, prefix)
    folder = os.path.relpath(wanted, top)
    return Source(path, git_dir, "" if folder == "." else folder, shallow == "true")


def find_commit(source: Source, revision: str) -> Commit:
    """The commit that a revision names: a SHA, a branch, a tag, or what else git resolves.

    :raises SourceError: it names none, or not one commit, or looks like an option.
    """
    # "^x", "a..b" and the like name sets of commits; --verify refuses the second kind itself.
    if not revision.strip() or revision[0] in "-^" or _CONTROL.search(revision):
        raise SourceError(
            f"{revision!r} is not the name of a revision",
            step="source",
            next_step="give a commit SHA, a branch or a tag",
        )
    try:
        name = git(source.where, "rev-parse", "--verify", revision).decode().strip()
        # A tag names a commit only in the end. Separately, as ":/words" takes all that follows.
        facts = git(source.where, "show", "--no-patch", "--format=%H %cI", f"{name}^{{commit}}")
    except SourceError as error:
        raise _unknown_revision(source, revision, error) from error
    _refuse_ambiguous(source, revision)
    sha, time = facts.decode().split()
    return Commit(source, sha, time)


def _refuse_ambiguous(source: Source, revision: str) -> None:
    """Refuse a name that a branch and a tag of different commits have: git would take the tag, with
    a warning that nobody reads.

    :raises SourceError: it is one.
    """
    names = [f"refs/{kind}/{revision}" for kind in ("heads", "tags")]
    form = "--format=%(refname) %(objectname) %(*objectname)"
    rows = [
        row.split() for row in git(source.where, "for-each-ref", form, *names).decode().splitlines()
    ]
    commits = {row[0]: row[-1] for row in rows if row[0] in names}
    if len(set(commits.values())) > 1:
        raise SourceError(
            f"the revision {revision} is both a branch and a tag, of different commits",
            step="source",
            next_step="give {} or {}, or the commit's SHA".format(*names),
        )


def ancestors(commit: Commit) -> list[str]:
    """The commit and the latest ones before it that its history has, newest first, abbreviated to
    twelve digits.

    :raises SourceError: git cannot read the history.
    """
    rows = git(
        commit.source.where, "rev-list", f"--max-count={ANCESTORS}", "--date-order", commit.sha
    )
    return [row[:12] for row in rows.decode().split()]


def descendants(commit: Commit) -> list[str]:
    """The latest commits of all branches and tags whose history has the commit, newest first,
    abbreviated to twelve digits.

    :raises SourceError: git cannot read the history.
    """
    limit = f"--max-count={DESCENDANTS}"
    rows = git(
        commit.source.where,
        *("rev-list", limit, "--date-order", "--ancestry-path", "--all", f"^{commit.sha}"),
    )
    return [row[:12] for row in rows.decode().split()]


def export(commit: Commit, archive: IO[bytes]) -> None:
    """Write the commit's files, below the source's folder, to a tar archive.

    Their names start at the root of the repository. What ``.gitattributes`` of the commit marks as
    ``export-ignore`` is left out. Neither attributes of the clone nor filters that somebody has
    configured change the files, but for Git LFS, whose pointers name their content by its hash.

    :raises SourceError: the commit has no such folder, or git cannot read it.
    """
    source = commit.source
    arguments = [*_without_filters(source), "archive", "--format=tar", commit.sha]
    if source.folder:
        _check_folder(commit)
        arguments += ["--", source.folder]
    with _without_own_attributes(source) as environment:
        git(source.where, *arguments, output=archive, environment=environment)


def read_text(commit: Commit, path: str) -> str:
    """The content of a file of the commit.

    :param path: relative to the source's folder.
    :raises SourceError: the commit has no such file, or it is not UTF-8 text.
    """
    source = commit.source
    whole = f"{source.folder}/{path}" if source.folder else path
    try:
        return git(source.where, "cat-file", "blob", f"{commit.sha}:{whole}").decode("utf-8")
    except SourceError as error:
        raise SourceError(
            f"the revision {commit.sha} has no file {path}",
            step="source",
            next_step="commit it, or correct the path",
        ) from error
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{path} of the revision {commit.sha} is not UTF-8 text", step="source"
        ) from error


def submodules(commit: Commit) -> list[str]:
    """The folders below the source's folder that are submodules; an export has them empty."""
    arguments = ["ls-tree", "-r", "-z", "--full-tree", commit.sha]
    if commit.source.folder:
        arguments += ["--", commit.source.folder]
    rows = git(commit.source.where, *arguments).split(b"\0")
    return [os.fsdecode(row.split(b"\t", 1)[1]) for row in rows if row.startswith(_GITLINK)]


def source_url(source: Source) -> str:
    """Where the source can be got: the remote ``origin`` without credentials, else its own path."""
    try:
        origin = git(source.where, "config", "--get", "remote.origin.url").decode().strip()
    except SourceError:  # no such remote
        origin = ""
    if origin:
        return public_url(origin)
    return f"file://{_common_folder(source).removesuffix('/.git')}"


def public_url(url: str) -> str:
    """The URL without what may be a secret: password, token, query and fragment.

    The user of ``ssh://git@host/path`` and ``git@host:path`` is part of the address and stays.
    """
    if "://" not in url:
        user, at, rest = url.partition("@")
        secret = at and ":" in user and "/" not in user
        return rest if secret else url
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    keep_user = at and parts.scheme in ("ssh", "git+ssh")
    user = user.partition(":")[0]
    return urlunsplit((parts.scheme, f"{user}@{host}" if keep_user else host, parts.path, "", ""))


def _without_filters(source: Source) -> list[str]:
    """The settings that switch off every filter of git's configuration but that of Git LFS."""
    keys = os.fsdecode(git(source.where, "config", "-z", "--name-only", "--list")).split("\0")
    names = {key[len("filter.") : key.rindex(".")] for key in keys if key.startswith("filter.")}
    settings = []
    for name in sorted(names - {"lfs"}):
        for setting in ("smudge=", "process=", "required=false"):
            settings += ["-c", f"filter.{name}.{setting}"]
    return settings


@contextmanager
def _without_own_attributes(source: Source) -> Iterator[dict[str, str]]:
    """The environment in which git does not see the clone's own ``info/attributes``.

    No setting says so: git gets a folder with links to all else that is in the repository's.
    """
    common = _common_folder(source)
    if not os.path.exists(os.path.join(common, "info", "attributes")):
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="hundred-git-") as folder:
        for name in os.listdir(common):
            if name != "info":
                os.symlink(os.path.join(common, name), os.path.join(folder, name))
        yield {"GIT_COMMON_DIR": folder}


def _common_folder(source: Source) -> str:
    """The repository's own folder; a linked work tree has one of its own inside of it."""
    said = git(source.where, "rev-parse", "--git-common-dir")
    return os.path.join("/", os.fsdecode(said).rstrip("\n"))


def _without_suffix(path: str, suffix: str) -> str:
    # git prints the prefix with a slash at its end, and nothing at the root.
    return path[: -len(suffix)] or "/" if suffix else path


def _check_folder(commit: Commit) -> None:
    try:
        kind = git(commit.source.where, "cat-file", "-t", f"{commit.sha}:{commit.source.folder}")
    except SourceError:
        kind = b""
    if kind.strip() != b"tree":
        raise SourceError(
            f"the revision {commit.sha} has no folder {commit.source.folder}",
            step="source",
            next_step="check the source's path, and that the folder is committed",
        )


def _unknown_revision(source: Source, revision: str, error: SourceError) -> SourceError:
    if "is ambiguous" in error.message:
        return SourceError(
            f"the revision {revision!r} is ambiguous in {source.path}: {error.message}",
            step="source",
            next_step="give more digits of the commit's SHA",
        )
    if source.shallow:
        return SourceError(
            f"the clone {source.path} is shallow and lacks the revision {revision!r}",
            step="source",
            next_step="fetch its history there: git fetch --unshallow",
        )
    return SourceError(
        f"the repository of {source.path} has no revision {revision!r}",
        step="source",
        next_step="fetch it there (git fetch --all --tags), or check the spelling",
    )
