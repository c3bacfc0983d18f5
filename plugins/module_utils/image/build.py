# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a commit to a tested image with a revision tag. The order of a build is :func:`build`."""

from __future__ import annotations

import os
import shlex
import tarfile
import tempfile
import time
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING, Any, Callable

from ..cron.crontab import CrontabError, parse_crontab
from ..engine.build_output import SHOWN
from ..engine.buildx import build_with_buildx, missing_for_buildx
from ..engine.classic_builder import Recipe, build_classic
from ..engine.client import connect
from ..engine.image_command import remove_stale, run_in_image
from ..engine.images import (
    LABEL_CREATED,
    LABEL_CRONTAB,
    LABEL_CRONTAB_FILE,
    LABEL_IMAGE,
    LABEL_REVISION,
    LABEL_SOURCE,
    Image,
    Manifest,
    find_image,
    find_manifest,
    tag_image,
)
from ..errors import BuildError, ConflictError, RegistryError
from .build_request import BuildRequest
from .context import Export, Layout, check_layout
from .git import LFS_ADVICE
from .limit import time_limit
from .retry import retrying
from .source import (
    Commit,
    ancestors,
    descendants,
    export,
    find_commit,
    find_source,
    public_url,
    read_text,
    source_url,
    submodules,
)

if TYPE_CHECKING:
    from docker import APIClient


def build(request: BuildRequest, check_mode: bool, report: Callable[[str], None]) -> dict[str, Any]:
    """Build the image of a revision, unless it exists.

    :param check_mode: say what would be done; the registry is asked, the commit is exported.
    :param report: told of failures that are tried again.
    :returns: the result of the module image_build.
    :raises SourceError: the source or the revision is not usable.
    :raises RegistryError: the registry that must be asked does not answer.
    :raises BuildError: the build or a test failed; nothing is tagged.
    """
    begun = time.monotonic()
    source = find_source(request.source)
    layout = check_layout(source.folder, request.context, request.dockerfile)
    commit = find_commit(source, request.revision)
    crontab = _read_crontab(request, commit)
    client = connect(request.docker_host)
    work = _Build(request, commit, layout, client, report, crontab)
    work.look_up()
    if work.exists is None:
        work.choose_builder()
        work.make(check_mode)
    if work.image or check_mode:
        work.set_extra_tags(check_mode)
    return work.result(time.monotonic() - begun)


def _read_crontab(request: BuildRequest, commit: Commit) -> str | None:
    """The crontab that the image is to carry, refused here and not on the hosts."""
    if request.crontab is None:
        return None
    text = read_text(commit, request.crontab)
    try:
        parse_crontab(text)
    except CrontabError as error:
        error.message = f"{request.crontab} of {commit.sha}: {error.message}"
        raise
    return text


class _Build:
    """One build, with what is known of it so far."""

    def __init__(
        self,
        request: BuildRequest,
        commit: Commit,
        layout: Layout,
        client: APIClient,
        report: Callable[[str], None],
        crontab: str | None,
    ) -> None:
        self.crontab = crontab
        self.request = request
        self.commit = commit
        self.layout = layout
        self.client = client
        self.report = report
        self.reference = f"{request.name}:{commit.sha}"
        self.doing = f"build {self.reference}"
        self.manifest: Manifest | None = None
        self.image: Image | None = None
        self.exists: str | None = None
        self.builder: str | None = None
        self.actions: list[str] = []
        self.tests: list[dict[str, Any]] = []

    def look_up(self) -> None:
        """Find an image of the revision: the registry's counts before one that is only here."""
        request = self.request
        if request.force:
            return
        if request.asks_registry:
            self.manifest = self._ask_registry(request.host or "docker.io")
        self.image = self._tagged_image()
        if self.manifest:
            self._check_platform(self.manifest.platforms, "the registry")
            self.exists = "registry"
            if self.image and not self.image.is_known_as(request.name, self.manifest.digest):
                self.image = None  # built here too, but it is not what will be deployed
        elif self.image:
            self._check_platform((self.image.platform,), "this engine")
            self.exists = "local"

    def choose_builder(self) -> None:
        """BuildKit when asked for, or there; an error that names what is missing for it."""
        wanted, needed = self.request.builder, bool(self.request.buildkit)
        missing = None if wanted == "classic" else missing_for_buildx()
        if wanted == "classic" and needed:
            raise BuildError(
                "secrets, cache_from and cache_to need BuildKit, and builder is classic",
                step="build",
                next_step="set builder to auto or buildkit",
            )
        if missing and (needed or wanted == "buildkit"):
            what = "secrets, cache_from and cache_to need" if needed else "builder: buildkit needs"
            raise BuildError(
                f"{what} BuildKit, but {missing} missing on the build host",
                step="build",
                next_step="install it (package docker-buildx of Debian 13 and Ubuntu,"
                " docker-buildx-plugin of Docker's repository)",
            )
        self.builder = "classic" if wanted == "classic" or missing else "buildkit"

    def make(self, check_mode: bool) -> None:
        """Export, build, test and only then tag."""
        request = self.request
        self.actions.append(f"build {self.reference} from {request.source}")
        self.actions += [f"test it: {shlex.join(command)}" for command in request.tests]
        try:
            with (
                tempfile.TemporaryDirectory(prefix="hundred-build-") as folder,
                time_limit(request.timeout, self.doing),
            ):
                image = self._export_and_build(folder, check_mode)
        except OSError as error:
            raise BuildError(
                f"cannot {self.doing}: {error.strerror}"
                f" ({error.filename or 'temporary files in ' + tempfile.gettempdir()})",
                step="export",
                next_step=f"make room in {tempfile.gettempdir()} on the build host, or set TMPDIR",
            ) from error
        if image:
            self._test(image)
            self._tag(image)

    def set_extra_tags(self, check_mode: bool) -> None:
        """Have the extra tags, which may move, name this image."""
        for tag in self.request.tags:
            reference = f"{self.request.name}:{tag}"
            present = find_image(self.client, reference)
            if self.image and present and present.id == self.image.id:
                continue
            if not self.image and self.exists:
                continue  # it is in the registry alone: image_push sets the tags there
            self.actions.append(f"tag it {reference}")
            if self.image and not check_mode:
                tag_image(self.client, self.image.id, self.request.name, tag)

    def result(self, seconds: float) -> dict[str, Any]:
        """The result of the module."""
        digest = self.manifest.digest if self.manifest else None
        return {
            "changed": bool(self.actions),
            "actions": self.actions,
            "name": self.request.name,
            "revision": self.commit.sha,
            "reference": self.reference,
            "exists": self.exists,
            "image_id": self.image.id if self.image else None,
            "size": self.image.size if self.image else None,
            "digest": digest,
            "image": f"{self.request.name}@{digest}" if digest else None,
            "created": self.commit.time,
            "ancestors": ancestors(self.commit),
            "descendants": descendants(self.commit),
            "builder": self.builder,
            "tests": self.tests,
            "seconds": round(seconds, 1),
        }

    def _ask_registry(self, host: str) -> Manifest | None:
        try:
            return retrying(
                lambda: find_manifest(self.client, self.reference, host, self.request.credentials),
                self.request.retries,
                self.report,
            )
        except RegistryError as error:
            error.step = "lookup"
            error.next_step = f"{error.next_step}; lookup: local builds without asking it"
            raise

    def _export_and_build(self, folder: str, check_mode: bool) -> str | None:
        with open(os.path.join(folder, "export.tar"), "w+b") as archive:
            export(self.commit, archive)
            archive.seek(0)
            return self._build_exported(folder, archive, check_mode)

    def _build_exported(self, folder: str, archive: IO[bytes], check_mode: bool) -> str | None:
        request = self.request
        with tarfile.open(fileobj=archive, mode="r:") as tar:
            exported = Export(tar, self.layout, self.commit.sha)
            self._refuse_submodules(exported.empty_submodules(submodules(self.commit)))
            self._refuse_pointers(exported.lfs_pointers())
            if check_mode:
                return None
            if self.builder == "buildkit":
                tree = os.path.join(folder, "source")
                exported.extract(tree)
                return build_with_buildx(
                    self.client,
                    folder,
                    os.path.join(tree, self.layout.context_path),
                    self._recipe(os.path.join(tree, self.layout.dockerfile_path)),
                    request.buildkit,
                    request.docker_host,
                    request.host,
                    request.credentials,
                )
            with open(os.path.join(folder, "context.tar"), "w+b") as context:
                dockerfile = exported.write_context(context)
                context.seek(0)
                recipe = self._recipe(dockerfile)
                return build_classic(
                    self.client, context, recipe, request.host, request.credentials, self.report
                )

    def _recipe(self, dockerfile: str) -> Recipe:
        request = self.request
        url = public_url(request.source_url) if request.source_url else None
        labels = dict(request.labels)
        labels[LABEL_REVISION] = self.commit.sha
        labels[LABEL_SOURCE] = url or source_url(self.commit.source)
        labels[LABEL_CREATED] = self.commit.time
        labels[LABEL_IMAGE] = request.name
        if self.crontab is not None:
            labels[LABEL_CRONTAB] = self.crontab
            labels[LABEL_CRONTAB_FILE] = request.crontab or ""
        return Recipe(
            self.doing, dockerfile, labels, request.args, request.target, request.platform
        )

    def _refuse_submodules(self, paths: Sequence[str]) -> None:
        if paths:
            raise BuildError(
                f"the revision {self.commit.sha} has submodules, which an export leaves empty:"
                f" {', '.join(paths)}",
                step="export",
                next_step="commit their files (git subtree), get them in the Dockerfile, or list"
                " them in .dockerignore if the image needs none",
            )

    def _refuse_pointers(self, paths: Sequence[str]) -> None:
        if paths:
            more = f" and {len(paths) - 5} more" if len(paths) > 5 else ""
            raise BuildError(
                f"the revision {self.commit.sha} has files of Git LFS, of which the build host has"
                f" the pointers alone: {', '.join(paths[:5])}{more}",
                step="export",
                next_step=f"{LFS_ADVICE}; or list them in .dockerignore if the image needs none",
            )

    def _test(self, image: str) -> None:
        if self.request.tests:
            remove_stale(self.client)
        for command in self.request.tests:
            limit = self.request.test_timeout
            run = run_in_image(self.client, image, command, limit)
            facts = {"command": list(command), "exit_code": run.exit_code, "seconds": run.seconds}
            self.tests.append(facts)
            if not run.passed:
                end = f"took longer than {limit} s"
                if run.exit_code is not None:
                    end = f"ended with {run.exit_code}"
                raise BuildError(
                    f"the test {shlex.join(command)} {end} in the image of {self.commit.sha},"
                    " which gets no tag",
                    step="test",
                    next_step=f"read the output; the image is kept for a look at it: {image}",
                    details={
                        **facts,
                        "output": list(run.output[-SHOWN:]),
                        "image_id": image,
                        "revision": self.commit.sha,
                        "tests": self.tests,
                    },
                )

    def _tag(self, image: str) -> None:
        # A build of the same revision at the same time may have been faster: its image stays.
        self.image = None if self.request.force else self._tagged_image()
        if not self.image:
            tag_image(self.client, image, self.request.name, self.commit.sha)
            self.image = find_image(self.client, image)

    def _tagged_image(self) -> Image | None:
        """The image here that has the revision's tag, if it was built from that revision."""
        image = find_image(self.client, self.reference)
        return image if image and image.labels.get(LABEL_REVISION) == self.commit.sha else None

    def _check_platform(self, platforms: Sequence[str], where: str) -> None:
        wanted = self.request.platform
        # "linux/arm64/v8" names a variant, which engines do not all report.
        if wanted and platforms and not any((wanted + "/").startswith(p + "/") for p in platforms):
            raise ConflictError(
                f"{self.reference} exists at {where} for {', '.join(platforms)}, not for {wanted}",
                step="lookup",
                next_step="give images of another platform another name; a revision's tag names"
                " one image",
            )
