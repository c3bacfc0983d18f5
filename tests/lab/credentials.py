# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab's own keys: for SSH, for TLS and for its registry. Made per lab, never committed."""

from __future__ import annotations

import secrets
import tempfile
from pathlib import Path

from .command import run
from .paths import lab_home, private_folder, write_private

# A lab that is kept for longer than a year is rather an accident.
_DAYS = "365"
_NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


class Credentials:
    """The private folder of one lab, with what is generated for it.

    :param lab: the lab's name.
    """

    def __init__(self, lab: str) -> None:
        self.folder = lab_home() / "labs" / lab
        self.private_key = self.folder / "id_ed25519"
        self.ca_cert = self.folder / "ca.crt"
        self._ca_key = self.folder / "ca.key"
        self.registry_password_file = self.folder / "registry-password"

    def make_folder(self) -> None:
        """Makes the folder, mode 0700, unless it is there."""
        private_folder(self.folder.parent)
        private_folder(self.folder)

    def generate(self) -> None:
        """Makes what is missing; for one process at a time."""
        if not self.private_key.exists():
            key = ["-N", "", "-C", f"hundred-lab {self.folder.name}", "-f", str(self.private_key)]
            run(["ssh-keygen", "-q", "-t", "ed25519", *key])
        if not self.ca_cert.exists():
            run(
                ["openssl", "req", "-x509", *_NEW_KEY, "-days", _DAYS]
                + ["-subj", f"/CN=hundred lab {self.folder.name}"]
                + ["-addext", "keyUsage=critical,keyCertSign,cRLSign"]
                + ["-keyout", str(self._ca_key), "-out", str(self.ca_cert)]
            )
        if not self.registry_password_file.exists():
            write_private(self.registry_password_file, secrets.token_urlsafe(18))

    @property
    def public_key(self) -> str:
        """The line for ``authorized_keys``."""
        return self.private_key.with_suffix(".pub").read_text()

    @property
    def registry_password(self) -> str:
        """The password of the registry's one user."""
        return self.registry_password_file.read_text()

    def server_certificate(self, address: str) -> tuple[str, str]:
        """A new key and certificate, both PEM, for a server at that IP address."""
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            folder = Path(name)
            key, request, extensions = folder / "key", folder / "request", folder / "extensions"
            extensions.write_text(f"subjectAltName=IP:{address}\nextendedKeyUsage=serverAuth\n")
            run(
                ["openssl", "req", "-new", *_NEW_KEY, "-subj", f"/CN={address}"]
                + ["-keyout", str(key), "-out", str(request)]
            )
            signed = run(
                ["openssl", "x509", "-req", "-in", str(request), "-days", _DAYS]
                + ["-CA", str(self.ca_cert), "-CAkey", str(self._ca_key)]
                + ["-extfile", str(extensions)]
            )
            return key.read_text(), signed.stdout
