"""What .ci/run needs is what the workflow brings."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.places import ROOT

CI_RUN = (ROOT / ".ci" / "run").read_text() if (ROOT / ".ci" / "run").exists() else ""
WORKFLOWS = ROOT / ".github" / "workflows"

pytestmark = pytest.mark.skipif(not CI_RUN, reason="The source archive has no CI.")


def workflow(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((WORKFLOWS / name).read_text())
    return loaded


def needed(array: str) -> list[str]:
    """Return a list of .ci/run's."""
    (text,) = re.findall(rf"^{array}=\(([^)]*)\)$", CI_RUN, re.MULTILINE)
    return text.split()


def machine() -> dict[str, Any]:
    """Return the job of the machine that every command runs on."""
    job: dict[str, Any] = workflow("machine.yml")["jobs"]["run"]
    return job


def test_each_service_is_brought_on_its_port() -> None:
    brought = {
        f"{name}:{port.split(':')[0]}"
        for name, service in machine()["services"].items()
        for port in service["ports"]
    }
    assert brought == set(needed("services"))


def test_each_program_is_installed() -> None:
    installs = [line for line in _commands().splitlines() if "apt-get install" in line]
    installed = {word for line in installs for word in line.split()}
    assert set(needed("programs")) <= installed


def test_each_python_of_a_pair_is_brought_and_the_oldest_is_python3() -> None:
    (setup,) = (step for step in machine()["steps"] if "setup-python" in step.get("uses", ""))
    brought = setup["with"]["python-version"].split()
    pairs = re.findall(r'nox\.param\("([\d.]+)"', (ROOT / "noxfile.py").read_text())
    assert sorted(brought) == sorted(pairs)
    assert brought[-1] == min(pairs)


def test_every_pair_is_run() -> None:
    ids = re.findall(r'id="([^"]+)"', (ROOT / "noxfile.py").read_text())
    run = re.findall(r"\bpair (python-\S+)", CI_RUN)
    # The first is that of `make test`.
    assert ids[1:] == run
    assert "make test\n" in CI_RUN


def test_its_time_fits() -> None:
    (minutes,) = re.findall(r"^minutes=(\d+)$", CI_RUN, re.MULTILINE)
    (job,) = (
        job
        for job in workflow("ci.yml")["jobs"].values()
        if job["with"]["command"] == "bash .ci/run"
    )
    assert job["with"]["minutes"] >= 2 * int(minutes)


def test_only_what_nobody_has_tried_yet_may_fail() -> None:
    may_fail = {
        job["with"]["command"].split()[1]
        for name in ("ci.yml", "nightly.yml")
        for job in workflow(name)["jobs"].values()
        if job["with"].get("may-fail")
    }
    assert may_fail == {"test-newest"}


@pytest.mark.parametrize("path", sorted(WORKFLOWS.glob("*.yml")), ids=lambda path: path.stem)
def test_each_action_is_named_by_commit(path: Path) -> None:
    used = re.findall(r"uses: (\S+)", path.read_text())
    assert used
    assert [
        action for action in used if not re.fullmatch(r"\./.*|[\w/-]+@[0-9a-f]{40}", action)
    ] == []


def _commands() -> str:
    return "\n".join(step.get("run", "") for step in machine()["steps"])
