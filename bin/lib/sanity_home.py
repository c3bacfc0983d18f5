# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the home folder that ``ansible-test sanity`` runs in: ``sanity_home.py HOME``.

ansible-test keeps its virtual environments in the home folder, hands nothing of the environment on
to pip, and fetches pip's bootstrap script from a host of its own. In a home folder of our own

* nothing of ours is left in the user's, and what is made once is used again;
* pip has the settings that are in force here (index, certificates), from the environment too;
* the bootstrap script is there already: a stand-in that takes the pip of the Python in use, and
  lets that one fetch the pip that ansible-test asks for, from the package index.
"""

from __future__ import annotations

import ast
import configparser
import re
import subprocess
import sys
from importlib import util
from pathlib import Path

STAND_IN = '''\
"""Stands in for get-pip.py: see bin/lib/sanity_home.py of hundred.containers."""
import subprocess
import sys

wanted = [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
# In a process of its own, since ensurepip makes the process that calls it deaf to pip's settings.
subprocess.check_call([sys.executable, "-m", "ensurepip"])
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", *wanted]))
'''


def pip_settings() -> configparser.RawConfigParser:
    """Return pip's settings in force here, those of the environment on top."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True
    ).stdout
    settings = configparser.RawConfigParser()
    # Lines such as  global.index-url='...'  and, of the environment,  :env:.cert='...'.
    lines = [line.partition("=") for line in listed.splitlines() if "=" in line]
    for name, _unused, value in sorted(lines, key=lambda line: line[0].startswith(":env:")):
        section, _unused, option = name.rpartition(".")
        section = "global" if section == ":env:" else section
        if not settings.has_section(section):
            settings.add_section(section)
        settings.set(section, option, " ".join(ast.literal_eval(value).split()))
    return settings


def bootstrap_name() -> str:
    """Return the name under which this ansible-test looks for pip's bootstrap script."""
    found = util.find_spec("ansible_test")
    if found is None or not found.submodule_search_locations:
        sys.exit("ansible-test is not installed beside this Python")
    source = Path(found.submodule_search_locations[0], "_internal", "python_requirements.py")
    version = re.search(r"pip='([0-9.]+)'", source.read_text(encoding="utf-8"))
    if version is None:
        sys.exit(f"{source} does not tell any more which pip ansible-test wants")
    return f"get_pip_{version[1].replace('.', '_')}.py"


def main(home: Path) -> None:
    """Write the stand-in and pip's settings below ``home``, readable by nobody else."""
    script = home / ".ansible" / "test" / "cache" / bootstrap_name()
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(STAND_IN, encoding="utf-8")
    # An address of an index may hold a password.
    config = home / ".config" / "pip" / "pip.conf"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.touch(mode=0o600)
    config.chmod(0o600)
    with config.open("w", encoding="utf-8") as file:
        pip_settings().write(file)
    netrc = Path.home() / ".netrc"
    if netrc.exists() and not (home / ".netrc").exists():
        (home / ".netrc").symlink_to(netrc)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
