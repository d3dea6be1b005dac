"""Release 1.5.3, as the package index has it, in an environment of its own."""

import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
#: What pip says when there is no way to the index, as against an index without the release.
UNREACHABLE = (
    "NewConnectionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ProxyError",
    "NameResolutionError",
    "Failed to establish a new connection",
)


def release_python(cache: Path) -> Path:
    """Return the interpreter of an environment with the release, building it the first time.

    Where the index cannot be reached the test is skipped, and with ``CI`` set it fails.

    Args:
        cache: A folder that outlives the test run.
    """
    environment = cache / f"python{sys.version_info.major}.{sys.version_info.minor}"
    python = environment / "bin" / "python"
    if python.exists():
        return python
    # Built beside its place and then moved there, so that what is there is always whole, also
    # when two test runs build it at once. Only the scripts in bin/ would mind, and none is used.
    building = cache / f"building-{uuid.uuid4().hex[:8]}"
    try:
        _build(building)
        try:
            building.rename(environment)
        except OSError:
            if not python.exists():
                raise
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return python


def _build(environment: Path) -> None:
    # The tests' own pip installs: another pip would take longer to unpack than the release. Three
    # programs compile what they import; pip would compile all, aiohttp and each of Twilio's APIs.
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    install = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--python", environment / "bin" / "python"),
            *("install", "--quiet", "--disable-pip-version-check", "--no-compile"),
            *("--retries", "1", "--timeout", "30"),
            *("--constraint", HERE / "constraints.txt"),
            *("--requirement", HERE / "requirements.txt"),
        ],
        capture_output=True,
        text=True,
    )
    if install.returncode == 0:
        return
    if any(word in install.stderr for word in UNREACHABLE) and not os.environ.get("CI"):
        last_line = install.stderr.strip().splitlines()[-1]
        pytest.skip(f"Release 1.5.3 cannot be had from the package index here: {last_line}")
    pytest.fail(f"pip could not install release 1.5.3:\n{install.stderr}", pytrace=False)
