"""The wheel: what a user gets from `pip install`, without this repository."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.integration.launch import ROOT, LaunchCase, environment

# Sources only: a build in the repository itself would leave its folders there.
_SOURCES = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "sockudo_tx", "twisted")


class WheelTests(LaunchCase):
    """Build it, look inside, install it into a clean environment, start both commands."""

    def build(self) -> Path:
        """Builds the wheel from the committed and uncommitted sources."""
        source = self.folder / "source"
        source.mkdir()
        # What git would not ignore, so that no stale build or egg-info takes part.
        listed = self.command(
            "git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", *_SOURCES
        )
        for name in listed.splitlines():
            if (ROOT / name).is_file():
                (source / name).parent.mkdir(parents=True, exist_ok=True)
                (source / name).write_bytes((ROOT / name).read_bytes())
        self.command(sys.executable, "-m", "build", "--wheel", "--outdir", str(self.folder), str(source))
        (wheel,) = self.folder.glob("*.whl")
        return wheel

    def command(self, *command: str) -> str:
        done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False, cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    @pytest.mark.timeout(300)
    def test_installed_wheel(self) -> None:
        """The wheel carries the plugin and the types, and gives `twistd sockudo` and `sockudo` in a clean environment."""
        wheel = self.build()
        names = zipfile.ZipFile(wheel).namelist()
        self.assertIn("twisted/plugins/sockudo_plugin.py", names)
        self.assertIn("sockudo_tx/py.typed", names)
        self.assertEqual([name for name in names if name.startswith("twisted/") and name.endswith("__init__.py")], [])
        self.assertEqual([name for name in names if name.startswith("tests")], [])
        clean = self.folder / "venv"
        self.command(sys.executable, "-m", "venv", str(clean))
        self.command(str(clean / "bin" / "python"), "-m", "pip", "install", "-q", str(wheel))
        installed = json.loads(self.command(str(clean / "bin" / "python"), "-m", "pip", "list", "--format=json"))
        self.assertNotIn("uvloop", [row["name"] for row in installed])  # an extra
        for command in (["twistd", "-n", "--pidfile=", "sockudo"], ["sockudo"]):
            process = self.launch(str(clean / "bin" / command[0]), *command[1:])
            process.up(self.port)
            client = self.socket()
            client.close()
            process.signal(signal.SIGTERM)
            self.assertEqual(process.status(), 0, process.output)
