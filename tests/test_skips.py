"""What runs, and where: a skip fails in CI, groups stay together, names in lists are files."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import FULL_LANE

ROOT = Path(__file__).parent.parent
SOURCES = {
    "by_mark": "import pytest\n@pytest.mark.skip(reason='no tool')\ndef test_it(): pass\n",
    "while_running": "import pytest\ndef test_it(): pytest.skip('no tool')\n",
    "as_a_module": "import pytest\npytest.skip('no tool', allow_module_level=True)\n",
    "expected_failure": "import pytest\n@pytest.mark.xfail\ndef test_it(): assert False\n",
}


def run(folder: Path, *, ci: str) -> tuple[int, dict[str, str], str]:
    """Run a module of each kind in one pytest; return its status, an end for each, its output."""
    for name, source in SOURCES.items():
        (folder / f"test_{name}.py").write_text(source)
    options = ["-p", "tests.conftest", "-p", "no:cacheprovider", "-c", os.devnull, "-rA"]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", *options, "--continue-on-collection-errors"),
            *("--import-mode=importlib", "--rootdir", str(folder), str(folder)),
        ],
        cwd=ROOT,
        env=os.environ | {"CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = re.findall(r"^([A-Z]+) .*?test_(\w+)\.py", done.stdout, re.MULTILINE)
    return done.returncode, {name: end for end, name in lines}, done.stdout


def test_in_ci_each_kind_of_skip_fails_and_says_so(tmp_path: Path) -> None:
    status, ends, output = run(tmp_path, ci="true")
    assert status not in (0, 5), output
    assert ends == {
        "by_mark": "ERROR",
        "while_running": "FAILED",
        "as_a_module": "ERROR",
        "expected_failure": "XFAIL",
    }, output
    assert output.count("in CI is a failure") >= 3, output


def test_elsewhere_each_kind_of_skip_is_named_and_passes(tmp_path: Path) -> None:
    status, ends, output = run(tmp_path, ci="")
    assert status == 0, output
    assert set(ends.values()) == {"SKIPPED", "XFAIL"}, output
    assert set(ends) == set(SOURCES), output
    assert output.count("no tool") >= 3, output


def test_each_name_in_the_list_of_the_full_lane_is_a_file_or_folder() -> None:
    assert not [name for name in FULL_LANE if not (ROOT / name).exists()]


@pytest.mark.xdist_group("alone")
def test_group_of_a_test_reaches_the_scheduler(request: pytest.FixtureRequest) -> None:
    # pytest-xdist gives it the group in the test's id; without it, each worker starts a browser.
    group = "@alone" if getattr(request.config.option, "loadgroup", False) else ""
    assert request.node.nodeid.endswith(f"::{request.node.name}{group}")
