"""A server that may write nowhere: the file system read-only but for /tmp and the logs, and a user without rights."""

from __future__ import annotations

import json
import os
import signal
import tempfile
from pathlib import Path

from tests.integration.launch import SOCKUDO, TWISTD, LaunchCase, Process, get

USER = "1000"
# In a mount namespace of its own everything becomes read-only, mount by mount, but for two new, empty folders that stand for /tmp and /app/logs.
SHUT = """
set -e
mount --make-rprivate /
for mount in $(awk '{print $2}' /proc/self/mounts); do
    case $mount in /proc*|/sys*|/dev*) ;; *) mount -o remount,bind,ro "$mount" ;; esac
done
mount -t tmpfs -o mode=1777 tmpfs "$TMPDIR"
mount -t tmpfs -o mode=0755,uid=$USER_ID,gid=$USER_ID tmpfs "$LOGS"
cd /
if touch "$LOGS/../x" 2>/dev/null; then echo "still writable"; exit 9; fi
exec setpriv --reuid=$USER_ID --regid=$USER_ID --clear-groups "$@"
"""


class ReadOnlyTests(LaunchCase):
    """Case C-95, as the Helm chart starts it"""

    def setUp(self) -> None:
        super().setUp()
        if os.geteuid() != 0:
            self.skipTest("only root can make a file system read-only for a process")
        folder = tempfile.TemporaryDirectory(prefix="sockudo-app-")  # pytest's own are for root only
        self.addCleanup(folder.cleanup)
        self.app = Path(folder.name)
        self.app.chmod(0o755)
        for name in ("config", "logs", "tmp"):
            (self.app / name).mkdir()
        self.file = self.app / "config" / "config.json"
        apps = [{"id": "1", "key": "app-key", "secret": "s"}]
        self.file.write_text(json.dumps({"app_manager": {"array": {"apps": apps}}}))

    def shut_in(self, *command: str) -> Process:
        """Starts a command that can write to its /tmp and its logs only."""
        return self.launch(
            *("unshare", "--mount", "sh", "-c", SHUT, "sh"),
            *command,
            USER_ID=USER,
            LOGS=str(self.app / "logs"),
            HOME="/",
            TMPDIR=str(self.app / "tmp"),
            LOG_OUTPUT_FORMAT="json",
        )

    def test_C95_read_only_root(self) -> None:
        """`sockudo --config FILE` and `twistd sockudo` as uid 1000 on a read-only root serve, complain of nothing and
        end with 0."""
        for command in (
            (SOCKUDO, "--config", str(self.file)),
            (TWISTD, "--nodaemon", "--pidfile=", "sockudo", "--config", str(self.file)),
            (
                TWISTD,
                "--nodaemon",
                "--pidfile=",
                f"--logfile={self.app}/logs/sockudo.log",
                "sockudo",
                "-c",
                str(self.file),
            ),
        ):
            (self.folder / "output.txt").unlink(missing_ok=True)
            process = self.shut_in(*command)
            process.up(self.port)
            self.socket().close()
            self.assertEqual(get(self.port, "/up/1"), 200)
            self.assertIn(f"Uid:\t{USER}\t{USER}", Path(f"/proc/{process.pid}/status").read_text())
            process.signal(signal.SIGHUP)
            process.signal(signal.SIGTERM)
            self.assertEqual(process.status(), 0, process.output)
            for complaint in ("Traceback", "dropin.cache", "Read-only", "Permission"):
                self.assertNotIn(complaint, process.output)
        self.assertEqual(sorted(path.name for path in self.app.rglob("*")), ["config", "config.json", "logs", "tmp"])
