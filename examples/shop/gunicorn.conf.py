# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How gunicorn serves the shop. Read from the working directory; no option needs to be given."""

from __future__ import annotations

import os

bind = "0.0.0.0:8000"

# Two processes with eight threads each: sixteen requests at once, also while some are slow.
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
worker_class = "gthread"
threads = 8

# Import the application once, before the workers: they start at once, and an import error ends the
# container instead of restarting workers for ever.
preload_app = True

# Longer than the proxy keeps its idle connections, so that it is the proxy who closes them: the
# other way round a request can meet a connection that is just being closed.
keepalive = 75

# On SIGTERM what is in flight may end. Less than the definition's stop_grace_period, after which
# the container is killed; a rollout has drained the replica before, so there is little to wait for.
graceful_timeout = 8

# The heartbeat file of each worker, in memory: a slow disk must not look like a dead worker.
worker_tmp_dir = "/dev/shm"

# Everything to stdout, for "docker logs". The access log is the application's own and modest: see
# shop/__init__.py.
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s [%(process)d] %(message)s"}},
    "handlers": {
        "stdout": {
            "class": "logging.StreamHandler",
            "stream": "ext://sys.stdout",
            "formatter": "line",
        }
    },
    "root": {"level": "INFO", "handlers": ["stdout"]},
    "loggers": {
        "gunicorn.error": {"level": "INFO", "handlers": [], "propagate": True},
        "gunicorn.access": {"level": "WARNING", "handlers": [], "propagate": True},
    },
}
