# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sources and build contexts, with the real git and no engine."""

from __future__ import annotations

import io
import os
import stat
import tarfile
from contextlib import suppress
from pathlib import Path

import pytest
from ansible_collections.hundred.containers.plugins.module_utils.errors import (
    BuildError,
    SourceError,
)
from ansible_collections.hundred.containers.plugins.module_utils.image.context import (
    Export,
    check_layout,
)
from ansible_collections.hundred.containers.plugins.module_utils.image.source import (
    Source,
    ancestors,
    descendants,
    export,
    find_commit,
    find_source,
    public_url,
    source_url,
    submodules,
)

from tests.integration.images.repository import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "source")


def context_of(
    source: Source, revision: str = "HEAD", context: str = ".", dockerfile: str = "Dockerfile"
) -> tuple[str, dict[str, tarfile.TarInfo], dict[str, bytes]]:
    """The Dockerfile's name, the members and the contents that the classic builder gets."""
    commit = find_commit(source, revision)
    archive, written = io.BytesIO(), io.BytesIO()
    layout = check_layout(source.folder, context, dockerfile)
    path = Path(source.git_dir) / "export-of-the-test"
    with path.open("w+b") as file:
        export(commit, file)
        archive.write(path.read_bytes())
    archive.seek(0)
    with tarfile.open(fileobj=archive) as tar:
        name = Export(tar, layout, commit.sha).write_context(written)
    written.seek(0)
    with tarfile.open(fileobj=written) as tar:
        members = {member.name: member for member in tar}
        contents = {member.name: file.read() for member in tar if (file := tar.extractfile(member))}
    return name, members, contents


def test_what_a_commit_comes_after_and_before_is_told_from_all_branches(
    repository: Repository,
) -> None:
    first = repository.commit({"a": "1"})
    second = repository.commit({"a": "2"})
    third = repository.commit({"a": "3"})
    repository.git("checkout", "--quiet", "--detach", second)
    other = repository.commit({"a": "4"})
    repository.git("checkout", "--quiet", "-b", "aside", first)
    repository.commit({"a": "5"})
    repository.git("tag", "other", other)
    source = find_source(str(repository.path))
    commit = find_commit(source, second)
    assert ancestors(commit) == [second[:12], first[:12]]
    assert sorted(descendants(commit)) == sorted([third[:12], other[:12]])
    assert descendants(find_commit(source, third)) == []


def test_every_name_that_git_knows_gives_the_full_sha(repository: Repository) -> None:
    first = repository.commit({"a": "1"}, message="the first change")
    second = repository.commit({"a": "2"})
    repository.git("tag", "-a", "v1", "-m", "one", first)
    repository.git("branch", "feature/x", first)
    source = find_source(str(repository.path))
    names = ["v1", "feature/x", "HEAD~1", "HEAD^", first[:8], first, ":/first change", "v1^{}"]
    assert {name: find_commit(source, name).sha for name in names} == dict.fromkeys(names, first)
    assert find_commit(source, "main").sha == second


def test_a_name_of_a_branch_and_of_a_tag_is_refused_unless_both_are_one_commit(
    repository: Repository,
) -> None:
    first = repository.commit({"a": "1"})
    repository.git("tag", "--annotate", "--message=of a release", "main")
    source = find_source(str(repository.path))
    assert find_commit(source, "main").sha == first
    second = repository.commit({"a": "2"})
    with pytest.raises(SourceError, match="both a branch and a tag") as refused:
        find_commit(source, "main")
    assert "refs/heads/main or refs/tags/main" in str(refused.value.next_step)
    assert find_commit(source, "refs/heads/main").sha == second


def test_the_time_is_that_of_the_commit_with_its_zone(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2024-02-29T23:59:58+05:30")
    monkeypatch.setenv("GIT_AUTHOR_DATE", "2001-01-01T00:00:00Z")
    repository.commit({"a": "1"})
    repository.git("config", "log.showSignature", "true")
    commit = find_commit(find_source(str(repository.path)), "HEAD")
    assert commit.time == "2024-02-29T23:59:58+05:30"


@pytest.mark.parametrize(
    "revision",
    ["", " ", "-x", "--all", "--output=x", "^HEAD", "HEAD\n--all", "HEAD\0"],
)
def test_what_looks_like_an_option_is_no_revision(repository: Repository, revision: str) -> None:
    repository.commit({"a": "1"})
    with pytest.raises(SourceError, match="is not the name of a revision"):
        find_commit(find_source(str(repository.path)), revision)


@pytest.mark.parametrize(
    "revision", ["nope", "HEAD..HEAD", "HEAD...main", "HEAD:a", "0" * 40, "HEAD~9", "a", "@{u}"]
)
def test_what_is_not_one_commit_is_no_revision(repository: Repository, revision: str) -> None:
    repository.commit({"a": "1"})
    with pytest.raises(SourceError, match="has no revision") as caught:
        find_commit(find_source(str(repository.path)), revision)
    assert "git fetch" in (caught.value.next_step or "")


def test_a_repository_without_a_commit_has_no_revision(repository: Repository) -> None:
    with pytest.raises(SourceError, match="has no revision 'HEAD'"):
        find_commit(find_source(str(repository.path)), "HEAD")


def test_a_shallow_clone_says_so(repository: Repository, tmp_path: Path) -> None:
    first = repository.commit({"a": "1"})
    repository.commit({"a": "2"})
    url = f"file://{repository.path}"
    repository.git("clone", "--quiet", "--depth=1", url, str(tmp_path / "shallow"))
    source = find_source(str(tmp_path / "shallow"))
    assert find_commit(source, "main").sha
    with pytest.raises(SourceError, match="is shallow and lacks") as caught:
        find_commit(source, first)
    assert "--unshallow" in (caught.value.next_step or "")


def test_a_folder_outside_of_a_repository_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "not-there"):
        with pytest.raises(SourceError, match="is not in a git repository"):
            find_source(str(path))
    (tmp_path / "file").write_text("x")
    with pytest.raises(SourceError, match="is not a folder"):
        find_source(str(tmp_path / "file"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_a_repository_of_another_user_is_refused_with_the_way_to_trust_it(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    repository.commit({"a": "1"})
    for path in [repository.path, *repository.path.rglob("*")]:
        os.chown(path, 65534, 65534)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SUDO_UID", raising=False)
    with pytest.raises(SourceError, match="its owner is another user") as caught:
        find_source(str(repository.path))
    assert f"safe.directory {repository.path}" in (caught.value.next_step or "")


def test_a_hooks_environment_does_not_lead_to_another_repository(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sha = repository.commit({"a": "1"})
    other = Repository(tmp_path / "other")
    other.commit({"b": "1"})
    monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.path))
    assert find_commit(find_source(str(repository.path)), "HEAD").sha == sha


def test_a_folder_that_only_the_commit_has_can_be_built(repository: Repository) -> None:
    repository.commit({"old/Dockerfile": "FROM scratch", "x": "1"})
    repository.git("rm", "--quiet", "-r", "old")
    source = find_source(str(repository.path / "old"))
    assert context_of(source)[0] == "Dockerfile"
    repository.commit()
    with pytest.raises(SourceError, match="has no folder old"):
        context_of(source)


def test_a_linked_work_tree_is_a_source(repository: Repository, tmp_path: Path) -> None:
    sha = repository.commit({"sub/Dockerfile": "FROM scratch"})
    repository.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "linked"))
    source = find_source(str(tmp_path / "linked" / "sub"))
    assert find_commit(source, "HEAD").sha == sha
    assert set(context_of(source)[1]) == {"Dockerfile"}
    assert source_url(source) == f"file://{repository.path}"


def test_settings_of_the_user_do_not_change_an_export(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    repository.commit({"Dockerfile": "FROM scratch\n", "secret.py": "x"})
    attributes = tmp_path / "attributes"
    attributes.write_text("secret.py export-ignore\n")
    (tmp_path / ".gitconfig").write_text(
        f"[core]\nautocrlf = true\nattributesFile = {attributes}\n[tar]\numask = 0077\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    _name, members, contents = context_of(find_source(str(repository.path)))
    assert set(members) == {"Dockerfile", "secret.py"}
    assert contents["Dockerfile"] == b"FROM scratch\n"
    assert stat.S_IMODE(members["secret.py"].mode) == 0o644


def test_a_commit_that_somebody_replaced_in_the_clone_is_exported_as_it_is(
    repository: Repository,
) -> None:
    first = repository.commit({"Dockerfile": "FROM scratch\n"})
    second = repository.commit({"Dockerfile": "FROM other\n"})
    repository.git("replace", first, second)
    assert context_of(find_source(str(repository.path)), first)[2] == {
        "Dockerfile": b"FROM scratch\n"
    }


@pytest.mark.parametrize("linked", [False, True], ids=["clone", "linked work tree"])
def test_attributes_of_the_clone_do_not_change_an_export(
    repository: Repository, tmp_path: Path, linked: bool
) -> None:
    files = {"Dockerfile": "FROM scratch\n", "app.py": "x\n", "version": "$Format:%D$\n"}
    repository.commit({**files, ".gitattributes": "version export-subst\n"})
    repository.git("tag", "v1")
    own = repository.path / ".git" / "info" / "attributes"
    own.write_text("app.py export-ignore\nDockerfile eol=crlf\n")
    path = repository.path
    if linked:
        path = tmp_path / "linked"
        repository.git("worktree", "add", "--quiet", "--detach", str(path))
        # Where it is a submodule's, a repository names its work tree from its own folder.
        repository.git("config", "core.worktree", "../../source")
    contents = context_of(find_source(str(path)))[2]
    assert contents["Dockerfile"] == b"FROM scratch\n"
    assert contents["app.py"] == b"x\n"
    assert b"tag: v1" in contents["version"]


@pytest.mark.parametrize("where", ["--global", "--local"])
@pytest.mark.parametrize(
    ("kind", "command"), [("smudge", "sed s/scratch/elsewhere/"), ("process", "false")]
)
def test_filters_of_gits_configuration_do_not_change_an_export(
    repository: Repository,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    where: str,
    kind: str,
    command: str,
) -> None:
    repository.commit({"Dockerfile": "FROM scratch\n", ".gitattributes": "* filter=My.Own\n"})
    monkeypatch.setenv("HOME", str(tmp_path))
    repository.git("config", where, f"filter.My.Own.{kind}", command)
    repository.git("config", where, "filter.My.Own.required", "true")
    contents = context_of(find_source(str(repository.path)))[2]
    assert contents["Dockerfile"] == b"FROM scratch\n"


POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'ab' * 32}\nsize 12345\n"


def test_files_of_git_lfs_are_taken_from_it_where_it_is_set_up(repository: Repository) -> None:
    repository.commit(
        {"Dockerfile": "FROM scratch\n", "a.bin": POINTER, ".gitattributes": "*.bin filter=lfs\n"}
    )
    repository.git("config", "filter.lfs.smudge", "sed -n s/^size/content/p")
    contents = context_of(find_source(str(repository.path)))[2]
    assert contents["a.bin"] == b"content 12345\n"
    repository.git("config", "filter.lfs.required", "true")
    missing = "git-lfs-that-is-missing"
    for kind, command, what in (
        ("smudge", "false", "a.bin"),
        ("smudge", missing, "its files"),
        ("process", f"{missing} filter-process", "its files"),
    ):
        repository.git("config", f"filter.lfs.{kind}", command)
        with pytest.raises(SourceError, match=f"Git LFS does not .* of {what} in") as caught:
            context_of(find_source(str(repository.path)))
        assert "install git-lfs" in (caught.value.next_step or "")


def test_pointers_without_content_are_found_in_the_context_alone(
    repository: Repository, tmp_path: Path
) -> None:
    repository.commit(
        {
            "app/Dockerfile": "FROM scratch\n",
            "app/.dockerignore": "ignored.bin",
            "app/a.bin": POINTER,
            "app/ignored.bin": POINTER,
            "app/manual.txt": f"A pointer looks so:\n{POINTER}",
            "app/large": POINTER + "x" * 2000,
            "elsewhere.bin": POINTER,
        }
    )
    source = find_source(str(repository.path))
    commit = find_commit(source, "HEAD")
    with (tmp_path / "tar").open("w+b") as file:
        export(commit, file)
        file.seek(0)
        with tarfile.open(fileobj=file) as tar:
            exported = Export(tar, check_layout("", "app", "app/Dockerfile"), commit.sha)
            assert exported.lfs_pointers() == ["app/a.bin"]


def test_attributes_of_the_repositorys_root_hold_in_a_folder(repository: Repository) -> None:
    repository.commit(
        {
            "app/Dockerfile": "FROM scratch",
            "app/notes.txt": "x",
            ".gitattributes": "*.txt export-ignore",
        }
    )
    assert set(context_of(find_source(str(repository.path / "app")))[1]) == {"Dockerfile"}


def test_an_ignored_dockerfile_builds_and_is_taken_out_by_the_engine(
    repository: Repository,
) -> None:
    repository.commit(
        {"Dockerfile": "FROM scratch", ".dockerignore": "Dockerfile\n.dockerignore\n", "a": "1"}
    )
    name, members, contents = context_of(find_source(str(repository.path)))
    assert contents[name] == b"FROM scratch"
    # What the .dockerignore in the context names, the engine removes from it.
    assert set(contents[".dockerignore"].decode().split()) == {name, ".dockerignore"}
    assert set(members) == {"a", name, ".dockerignore"}


def test_a_dockerfiles_own_ignore_file_counts_first(repository: Repository) -> None:
    repository.commit(
        {
            "Dockerfile": "FROM scratch",
            "Dockerfile.dockerignore": "a\n*.dockerignore\n",
            ".dockerignore": "b",
            "a": "1",
            "b": "1",
        }
    )
    assert "b" in context_of(find_source(str(repository.path)))[1]
    assert "a" not in context_of(find_source(str(repository.path)))[1]


def test_a_linked_dockerfile_is_read_through_the_link(repository: Repository) -> None:
    (repository.path / "Dockerfile").symlink_to("docker/main")
    repository.commit({"docker/main": "FROM scratch", "docker/.x": ""})
    name, _members, contents = context_of(find_source(str(repository.path)))
    assert contents[name] == b"FROM scratch"


@pytest.mark.parametrize("option", ["context", "dockerfile"])
@pytest.mark.parametrize("path", ["", "/etc", "..", "../x", "a/../../x"])
def test_nothing_outside_of_the_source_is_taken(option: str, path: str) -> None:
    options = {"context": ".", "dockerfile": "Dockerfile", option: path}
    with pytest.raises(BuildError, match="below the source"):
        check_layout("", **options)


def test_files_of_a_crafted_commit_stay_inside_of_the_folder(tmp_path: Path) -> None:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        link = tarfile.TarInfo("out")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "outside")
        tar.addfile(link)
        for name in ("out/file", "Dockerfile"):
            tar.addfile(tarfile.TarInfo(name), io.BytesIO(b""))
    written.seek(0)
    (tmp_path / "outside").mkdir()
    with tarfile.open(fileobj=written) as tar:
        subject = Export(tar, check_layout("", ".", "Dockerfile"), "0" * 40)
        with suppress(OSError, tarfile.TarError):
            subject.extract(str(tmp_path / "inside"))
    assert not list((tmp_path / "outside").iterdir())


def test_an_extracted_tree_has_links_and_modes(repository: Repository, tmp_path: Path) -> None:
    (repository.path / "away").symlink_to("/etc/hostname")
    (repository.path / "run").write_text("x")
    (repository.path / "run").chmod(0o755)
    repository.commit({"Dockerfile": "FROM scratch"})
    source = find_source(str(repository.path))
    with (tmp_path / "tar").open("w+b") as file:
        export(find_commit(source, "HEAD"), file)
        file.seek(0)
        with tarfile.open(fileobj=file) as tar:
            Export(tar, check_layout("", ".", "Dockerfile"), "").extract(str(tmp_path / "tree"))
    assert os.readlink(tmp_path / "tree" / "away") == "/etc/hostname"
    assert stat.S_IMODE((tmp_path / "tree" / "run").stat().st_mode) == 0o755


def test_submodules_are_found_below_the_folder_alone(
    repository: Repository, tmp_path: Path
) -> None:
    theme = Repository(tmp_path / "theme")
    theme.commit({"x": "1"})
    repository.commit({"app/Dockerfile": "FROM scratch", "web/Dockerfile": "FROM scratch"})
    allowed = ("-c", "protocol.file.allow=always")
    repository.git(*allowed, "submodule", "--quiet", "add", str(theme.path), "web/theme")
    repository.commit()
    web, app = (find_source(str(repository.path / folder)) for folder in ("web", "app"))
    assert submodules(find_commit(web, "HEAD")) == ["web/theme"]
    assert submodules(find_commit(app, "HEAD")) == []


@pytest.mark.parametrize(
    ("url", "public"),
    [
        ("https://user:t0ken@git.example.com/shop.git", "https://git.example.com/shop.git"),
        ("https://t0ken@git.example.com:8443/shop", "https://git.example.com:8443/shop"),
        ("https://git.example.com/shop?private_token=t0ken#x", "https://git.example.com/shop"),
        ("https://user:p@ss:t0ken@git.example.com/shop", "https://git.example.com/shop"),
        ("ssh://git:t0ken@git.example.com:22/shop", "ssh://git@git.example.com:22/shop"),
        ("git@git.example.com:team/shop.git", "git@git.example.com:team/shop.git"),
        ("user:t0ken@git.example.com:shop", "git.example.com:shop"),
        ("/srv/git/shop.git", "/srv/git/shop.git"),
        ("file:///srv/git/shop.git", "file:///srv/git/shop.git"),
    ],
)
def test_a_source_is_told_without_its_credentials(url: str, public: str) -> None:
    assert public_url(url) == public


def test_a_repository_without_a_remote_is_its_own_source(repository: Repository) -> None:
    source = find_source(str(repository.path))
    assert source_url(source) == f"file://{repository.path}"
    repository.git("remote", "add", "origin", "https://t0ken@git.example.com/shop")
    assert source_url(source) == "https://git.example.com/shop"


def test_where_the_build_is_started_changes_nothing(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit({"Dockerfile": "FROM scratch\n", "app/main.py": "x", "deploy/inv": "y"})
    # As git sets it for every submodule that is checked out.
    repository.git("config", "core.worktree", str(repository.path))
    monkeypatch.chdir(repository.path / "deploy")
    contents = context_of(find_source(str(repository.path)))[2]
    assert {"app/main.py", "deploy/inv"} <= set(contents)
