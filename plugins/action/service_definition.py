# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validates every definition on the controller; no host is contacted."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from functools import partial
from operator import getitem
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.errors import AnsibleError
from ansible.parsing.vault import AnsibleVaultError
from ansible.plugins.action import ActionBase
from jinja2 import TemplateError

from ..module_utils.definition import names
from ..module_utils.definition.model import Definition
from ..module_utils.definition.parse import VARIABLE, parse_placement, parse_services
from ..module_utils.definition.paths import PORT
from ..module_utils.definition.placement import hosts_of
from ..module_utils.definition.problems import UNRESOLVED, DefinitionError, Place, Problem, nearest
from ..module_utils.definition.stored import to_mapping
from ..module_utils.errors import HundredError
from ..module_utils.image.reference import is_digest, registry_host
from ..module_utils.proxy.options import read_settings
from ..module_utils.state.freeze import parse_end
from ..plugin_utils.deploys import begin, can_be_asked, find_ended, new_name
from ..plugin_utils.policy import check_hooks, check_policy
from ..plugin_utils.task_files import TaskFiles

ARGUMENTS: Mapping[str, Any] = {
    "services": {"type": "raw"},
    "names": {"type": "list", "elements": "str"},
    "proxy": {"type": "str", "choices": ["haproxy", "nginx"], "default": "haproxy"},
    "http_port": {"type": "int", "default": 80},
    "proxy_settings": {"type": "raw"},
    "revision": {"type": "raw"},
    "build_host": {"type": "str"},
    "digest": {"type": "raw"},
    "deploy": {"type": "dict"},
    "only_hosts": {"type": "bool", "default": False},
    "freeze": {"type": "dict"},
}

LOCALHOST = "localhost"

# The strings that Ansible decrypts when they are read, in 2.19 and in 2.18; they are no "str".
VAULTED = ("EncryptedString", "AnsibleVaultEncryptedUnicode")

# What a template may raise: 2.18 lets the errors of filters through as they are.
TEMPLATE_ERRORS = (
    AnsibleError,
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    TypeError,
    ValueError,
)

# The parts of Ansible's messages that name what the user has to correct.
UNDEFINED = re.compile(r"'[^'\n]{1,80}' is undefined|has no attribute '[^'\n]{1,80}'")
UNKNOWN_PLUGIN = re.compile(r"(?:No (?:filter|test) named|Could not load) ['\"]([\w.]{1,80})['\"]")


class ActionModule(ActionBase):
    """The action plugin of ``hundred.containers.service_definition``."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the chosen definitions, or fail with every problem of all of them."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = self.validate_argument_spec(argument_spec=dict(ARGUMENTS))[1]
        variables = task_vars or {}
        groups = variables.get("groups", {})
        problems: list[Problem] = []
        if arguments["only_hosts"]:
            return self._with_placement(result, arguments, variables, groups)
        raw = self._raw(arguments["services"], variables, Place(VARIABLE, problems))
        _check_revision(arguments["revision"], problems)
        if arguments["digest"] is not None:
            _check_release(arguments["digest"], arguments["revision"], problems)
            if len(arguments["names"] or ()) > 1:
                must = "must not be given with several services: each has an image of its own"
                Place("digest", problems).note(must, None, "deploy them one by one")
        PORT(Place("hundred_proxy_http_port", problems), arguments["http_port"])
        read_settings(Place("hundred_proxy_settings", problems), arguments["proxy_settings"] or {})
        policy = self._policy(arguments["deploy"], variables, problems)
        chosen = _chosen(arguments["names"], raw, problems)
        builder = arguments["build_host"]
        try:
            definitions = parse_services(
                raw,
                proxy=arguments["proxy"],
                http_port=arguments["http_port"],
                groups=groups,
                found=problems,
            )
            wanted = {name: definitions[name] for name in chosen}
            _check_owners(wanted, groups)
            _check_registries(wanted, builder is not None or arguments["digest"] is not None)
            if builder is not None:
                _check_builds(wanted, builder, groups)
        except DefinitionError as error:
            result.update(failed=True, changed=False, msg=error.message)
            return result
        crontabs = _crontabs(definitions)
        services = {name: _described(definitions[name], groups, crontabs) for name in chosen}
        if builder == LOCALHOST:
            for service in services.values():
                source = service["build"]["source"]
                service["build"]["source"] = _beside_the_inventory(source, variables)
        result.update(changed=False, services=services, names=chosen)
        if policy is not None:
            result["deploy"] = {**policy, **self._begin()}
            _add_what_hosts_are_told(result)
        return result

    def _policy(
        self, raw: Mapping[str, Any] | None, variables: Mapping[str, Any], problems: list[Problem]
    ) -> dict[str, Any] | None:
        """How the deploy goes over the hosts, with its hooks; None without a deploy."""
        if raw is None:
            return None
        given = dict(raw)
        hooks = given.pop("hooks", None) or {}
        # In check mode nobody is asked.
        terminal = bool(self._task.check_mode) or can_be_asked(os.getppid())
        policy = check_policy(given, problems, terminal)
        beside = partial(_beside_the_inventory, variables=variables)
        read = TaskFiles.of(self._task, self._loader).read
        paths, results = check_hooks(hooks, problems, beside, read)
        return {**policy, "hooks": paths, "hook_results": results}

    def _begin(self) -> dict[str, Any]:
        """The name of a deploy by the process that runs this playbook: a worker's parent."""
        now = time.time()
        folder = Path(str(constants.ANSIBLE_HOME)) / "hundred.containers" / "deploys"
        ended = find_ended(folder)
        if self._task.check_mode:
            return {"id": new_name(now), "ended": ended}
        try:
            return {"id": begin(folder, os.getppid(), now), "ended": ended}
        except OSError as error:
            self._display.warning(
                f"{folder} cannot be written ({error.strerror}): after this deploy is killed, the "
                "next one has to wait until its claim on the hosts ends by itself"
            )
            return {"id": new_name(now), "ended": ended}

    def _with_placement(
        self,
        result: dict[str, Any],
        arguments: Mapping[str, Any],
        variables: Mapping[str, Any],
        groups: Mapping[str, Any],
    ) -> dict[str, Any]:
        """The result with the hosts of the chosen services, their images if these can be had, and
        whether they are built; nothing else of them is looked at.
        """
        problems: list[Problem] = []
        place = Place(VARIABLE, problems)
        services = arguments["services"]
        if services is None:
            services = variables.get(VARIABLE, {})
            if isinstance(services, str):
                services = self._value(place, lambda: variables[VARIABLE])
        chosen = _chosen(arguments["names"], services, problems)
        if arguments["freeze"] is not None:
            _check_freeze(arguments["freeze"], problems)
        written, others = {}, {}
        for name in chosen:
            body = services.get(name) if isinstance(services, Mapping) else None
            spot = place.at(name).at("hosts")
            built = isinstance(body, Mapping) and "build" in body
            others[name] = {"image": self._image(body), "built": built}
            if isinstance(body, Mapping) and "hosts" in body:
                written[name] = self._value(spot, partial(getitem, body, "hosts"))
            elif not problems:
                spot.note("is missing: the inventory group whose hosts run the service")
        try:
            placement = parse_placement(written, groups, problems)
        except DefinitionError as error:
            result.update(failed=True, changed=False, msg=error.message)
            return result
        services = {name: {"hosts": hosts, **others[name]} for name, hosts in placement.items()}
        result.update(changed=False, services=services)
        if arguments["deploy"] is not None:
            result["deploy"] = self._begin()
        return result

    def _image(self, body: Any) -> str | None:
        """The repository of a service; None if it is missing or cannot be resolved, which is no
        problem of those who want the hosts.
        """
        if not isinstance(body, Mapping) or "image" not in body:
            return None
        image = self._value(Place(VARIABLE, []), partial(getitem, body, "image"))
        return str(image) if isinstance(image, str) else None

    def _raw(self, services: Any, variables: Mapping[str, Any], place: Place) -> Any:
        """The definitions as plain data; each value is templated by itself to know its path."""
        if services is not None:
            return self._value(place, lambda: services, template=False)
        if VARIABLE not in variables:
            place.note("is not defined: it maps the services' names to definitions")
            return UNRESOLVED
        return self._value(place, lambda: variables[VARIABLE])

    def _value(self, place: Place, get: Callable[[], Any], template: bool = True) -> Any:
        """A value, and all below it, with templates resolved and vaulted strings decrypted.

        :param get: has the value; it may raise, since some values are templated when they are read.
        :param template: whether strings here are the user's; results of templates are final.
        """
        try:
            value = get()
            if template and isinstance(value, str):
                value = self._templar.template(value)
                template = False
            if type(value).__name__ in VAULTED:
                value = str(value)
        except TEMPLATE_ERRORS as error:
            why, advice = _why(error)
            place.note(f"cannot be resolved: {why}", None, advice)
            return UNRESOLVED
        if isinstance(value, Mapping):
            return {
                key: self._value(place.at(key), partial(getitem, value, key), template)
                for key in list(value)
            }
        if isinstance(value, (list, tuple)):
            return [
                self._value(place.item(index), partial(getitem, value, index), template)
                for index in range(len(value))
            ]
        return value


def _add_what_hosts_are_told(result: dict[str, Any]) -> None:
    """Put together here, once, what templates would put together for each host."""
    deploy = result["deploy"]
    deploy["claim"] = {key: deploy[key] for key in ("id", "lease", "ended", "force")}
    hooked = any(moment in deploy["hooks"] for moment in ("after_host", "after_batch"))
    for service in result["services"].values():
        service["kept"] = hooked or bool(service["tasks"]["after"])


def _why(error: Exception) -> tuple[str, str | None]:
    """Why a value cannot be had, and advice; without the values that filters' messages quote."""
    text = str(error)
    undefined = UNDEFINED.search(text)
    if undefined:
        return undefined[0], None
    missing = UNKNOWN_PLUGIN.search(text)
    if missing:
        return f"there is no filter or test {missing[1]}", None
    if isinstance(error, AnsibleVaultError) or "decrypt" in text.lower():
        return "it cannot be decrypted with the vault passwords given", None
    return "its template fails", "ansible.builtin.debug of the value tells more"


def _chosen(wanted: list[str] | None, raw: Any, problems: list[Problem]) -> list[str]:
    """The names of the services asked for; all of them when none is named."""
    known = [name for name in raw if isinstance(name, str)] if isinstance(raw, Mapping) else []
    asked = [name.strip() for name in wanted or () if name.strip()]
    if wanted and not asked:
        Place("service", problems).note("is missing: give its name with -e service=NAME")
    if isinstance(raw, Mapping):
        for name in asked:
            if name not in known:
                must = f"must be services that {VARIABLE} defines"
                Place("names", problems).refuse(must, name, nearest(name, known))
    return [str(name) for name in dict.fromkeys(asked or known)]


def _check_revision(revision: Any, problems: list[Problem]) -> None:
    """Refuse what names no commit. None: none is needed; empty: the playbook got none."""
    place = Place("revision", problems)
    if revision == "":
        place.note(
            "is missing: give the commit with -e revision=SHA",
            None,
            "an image that is there already is deployed with -e digest=sha256:...",
        )
    elif revision is not None:
        names.revision(place, revision)


def _check_release(digest: Any, revision: Any, problems: list[Problem]) -> None:
    """Refuse what no host would take for an image that is there already."""
    if not isinstance(digest, str) or not is_digest(digest):
        must = "must be sha256: and 64 hexadecimal digits, as image_push returned it"
        Place("digest", problems).refuse(must, digest)
    if isinstance(revision, str) and not problems and not names.is_plain_revision(revision):
        must = "must be a commit's SHA or a plain name: with a digest no git resolves it"
        Place("revision", problems).refuse(must, revision)


def _check_freeze(freeze: Mapping[str, Any], problems: list[Problem]) -> None:
    """Refuse a freeze that no host would take."""
    if not str(freeze.get("reason") or "").strip():
        Place("reason", problems).note("is missing: say why with -e reason=TEXT")
    end = str(freeze.get("end") or "").strip()
    if not end:
        Place("end", problems).note("is missing: say when it ends with -e end=TIME")
        return
    try:
        parse_end(end, time.time())
    except HundredError as error:
        problems.append(Problem("end", error.message.removeprefix("end ")))


def _check_builds(
    definitions: Mapping[str, Definition], builder: str, groups: Mapping[str, Any]
) -> None:
    """Refuse what cannot be built on this host.

    :raises DefinitionError: every problem of all definitions.
    """
    problems: list[Problem] = []
    if builder != LOCALHOST and builder not in groups.get("all", ()):
        must = f"must be {LOCALHOST} or a host of the inventory"
        place = Place("hundred_build_host", problems)
        place.refuse(must, builder, nearest(builder, [LOCALHOST, *groups.get("all", ())]))
    for name, definition in definitions.items():
        place = Place(VARIABLE, problems).at(name).at("build")
        if definition.build is None:
            place.note(
                "is missing: it says what the image is built from",
                None,
                "an image that is there already is deployed with -e digest=sha256:...",
            )
        elif builder != LOCALHOST and not os.path.isabs(definition.build.source):
            place.at("source").refuse(
                f"must be the absolute path of a clone on the build host {builder}; only on "
                f"{LOCALHOST} is it relative to the inventory's folder",
                definition.build.source,
            )
    if problems:
        raise DefinitionError(problems)


def _check_registries(definitions: Mapping[str, Definition], moved: bool) -> None:
    """Refuse images that name no registry.

    :param moved: whether they are going to be pushed or pulled; otherwise none is refused.
    :raises DefinitionError: every problem of all definitions.
    """
    problems: list[Problem] = []
    for name, definition in definitions.items():
        if moved and registry_host(definition.image) is None:
            Place(VARIABLE, problems).at(name).at("image").refuse(
                "must name the registry that hosts pull from, as in registry.example.com/shop",
                definition.image,
                "docker.io/... for Docker Hub",
            )
    if problems:
        raise DefinitionError(problems)


def _check_owners(definitions: Mapping[str, Definition], groups: Mapping[str, Any]) -> None:
    """Refuse crontabs that no host of the service would run.

    :raises DefinitionError: every problem of all definitions.
    """
    problems: list[Problem] = []
    for name, definition in definitions.items():
        if definition.cron is None:
            continue
        place = Place(VARIABLE, problems).at(name).at("cron")
        hosts = hosts_of(str(definition.hosts), groups)
        owner = definition.cron.host
        if not hosts:
            place.note("needs a host that runs it, and the service has none")
        elif owner is not None and owner not in hosts:
            must = "must be a host of the service"
            place.at("host").refuse(must, owner, nearest(owner, hosts))
    if problems:
        raise DefinitionError(problems)


def _beside_the_inventory(path: str, variables: Mapping[str, Any]) -> str:
    """The absolute path of one that is relative to the inventory's folder."""
    sources = variables.get("ansible_inventory_sources") or [os.getcwd()]
    folder = sources[0] if os.path.isdir(sources[0]) else os.path.dirname(sources[0])
    return os.path.realpath(os.path.join(folder, os.path.expanduser(path)))


def _crontabs(definitions: Mapping[str, Definition]) -> dict[str, str]:
    """The crontab in the source of each image, by the image: whichever of its services is built
    first, the others find the same image.
    """
    return {
        definition.image: definition.cron.file
        for definition in definitions.values()
        if definition.cron is not None and definition.cron.file and definition.build is not None
    }


def _described(
    definition: Definition, groups: Mapping[str, Any], crontabs: Mapping[str, str]
) -> dict[str, Any]:
    """A definition as data for tasks, without the value of any secret.

    :param crontabs: as ``_crontabs`` returns them.
    """
    mapping = to_mapping(definition)
    hosts = hosts_of(mapping.pop("hosts"), groups)
    del mapping["name"]
    build = mapping.pop("build", None)
    if definition.cron is not None:
        # One host runs it, whichever of them are deployed to.
        mapping["cron"].setdefault("host", hosts[0])
    if build is not None and definition.image in crontabs:
        build["crontab"] = crontabs[definition.image]
    return {
        "hosts": hosts,
        "secret_names": mapping.pop("secrets"),
        "build": build,
        "tasks": mapping.pop("tasks", {"before": [], "after": []}),
        "definition": mapping,
    }
