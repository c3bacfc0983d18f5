# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many releases of one image in a moment: each is a layer more, made in the registry itself."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import os
import ssl
import tarfile
import urllib.request
from collections.abc import Mapping

from tests.lab.registry import Registry

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
# As engines with containerd's store push it.
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


class DerivedImages:
    """Makes images from one that the registry has.

    :param repository: the repository of that image, and of those that are made.
    :param digest: of that image.
    """

    def __init__(self, registry: Registry, repository: str, digest: str) -> None:
        self._url = f"https://{registry.address}/v2/{repository}"
        token = base64.b64encode(f"{registry.username}:{registry.password}".encode()).decode()
        self._account = {"Authorization": f"Basic {token}"}
        self._context = ssl.create_default_context(cafile=str(registry.ca_cert))
        kinds = f"{MANIFEST}, {OCI_MANIFEST}"
        self._manifest = json.loads(self._get(f"/manifests/{digest}", Accept=kinds))
        self._manifest["mediaType"] = MANIFEST
        self._manifest["config"]["mediaType"] = CONFIG
        for layer in self._manifest["layers"]:
            layer["mediaType"] = LAYER
        self._config = json.loads(self._get(f"/blobs/{self._manifest['config']['digest']}"))

    def push(
        self,
        size: int,
        labels: Mapping[str, str] | None = None,
        healthcheck: str | None = None,
    ) -> str:
        """Make an image with a layer of so many random bytes more; its digest.

        :param healthcheck: a line for the shell: the image's HEALTHCHECK, every 0.3 s.
        """
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w") as archive:
            entry = tarfile.TarInfo("payload")
            entry.size = size
            archive.addfile(entry, io.BytesIO(os.urandom(size)))
        layer = gzip.compress(content.getvalue(), 1)
        config = json.loads(json.dumps(self._config))
        config["rootfs"]["diff_ids"].append(digest_of(content.getvalue()))
        config["history"].append({"created_by": "a layer more"})
        config["config"]["Labels"] = {**(config["config"].get("Labels") or {}), **(labels or {})}
        if healthcheck is not None:
            check = {"Test": ["CMD-SHELL", healthcheck], "Interval": 300_000_000, "Retries": 1}
            config["config"]["Healthcheck"] = check
        manifest = json.loads(json.dumps(self._manifest))
        manifest["layers"].append({"mediaType": LAYER, **self._upload(layer)})
        manifest["config"].update(self._upload(json.dumps(config).encode()))
        text = json.dumps(manifest).encode()
        self._send("PUT", f"{self._url}/manifests/{digest_of(text)}", text, MANIFEST)
        return digest_of(text)

    def _upload(self, blob: bytes) -> dict[str, object]:
        place = self._send("POST", f"{self._url}/blobs/uploads/")["Location"]
        separator = "&" if "?" in place else "?"
        self._send("PUT", f"{place}{separator}digest={digest_of(blob)}", blob)
        return {"digest": digest_of(blob), "size": len(blob)}

    def _get(self, path: str, **headers: str) -> bytes:
        request = urllib.request.Request(self._url + path, headers={**self._account, **headers})
        with urllib.request.urlopen(request, timeout=30, context=self._context) as answer:
            found: bytes = answer.read()
            return found

    def _send(
        self, method: str, url: str, body: bytes = b"", kind: str = "application/octet-stream"
    ) -> Mapping[str, str]:
        headers = {**self._account, "Content-Type": kind}
        request = urllib.request.Request(url, data=body, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=30, context=self._context) as answer:
            return dict(answer.headers)


def digest_of(content: bytes) -> str:
    """The digest by which a registry knows these bytes."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
