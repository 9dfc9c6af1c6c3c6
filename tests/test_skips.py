"""What runs when: a skip fails in CI, and the full lane's list names files that exist."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import FULL_LANE

ROOT = Path(__file__).parent.parent
SKIPS = {
    "by-mark": "import pytest\n@pytest.mark.skip(reason='no tool')\ndef test_it(): pass\n",
    "while-running": "import pytest\ndef test_it(): pytest.skip('no tool')\n",
    "as-a-module": "import pytest\npytest.skip('no tool', allow_module_level=True)\n",
}
XFAIL = "import pytest\n@pytest.mark.xfail\ndef test_it(): assert False\n"


def run(source: str, folder: Path, *, ci: str) -> subprocess.CompletedProcess[str]:
    module = folder / "test_it.py"
    module.write_text(source)
    options = ["-p", "tests.conftest", "-p", "no:cacheprovider", "-c", os.devnull, "-rs"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--rootdir", str(folder), str(module)],
        cwd=ROOT,
        env=os.environ | {"CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("source", SKIPS.values(), ids=SKIPS)
def test_a_skip_fails_in_ci_and_says_so(source: str, tmp_path: Path) -> None:
    done = run(source, tmp_path, ci="true")
    assert done.returncode not in (0, 5), done.stdout
    assert "in CI is a failure" in done.stdout


@pytest.mark.parametrize("name", ["by-mark", "while-running"])
def test_a_skip_is_named_elsewhere(name: str, tmp_path: Path) -> None:
    done = run(SKIPS[name], tmp_path, ci="")
    assert done.returncode == 0, done.stdout
    assert "no tool" in done.stdout


def test_an_expected_failure_is_no_skip(tmp_path: Path) -> None:
    assert run(XFAIL, tmp_path, ci="true").returncode == 0


@pytest.mark.parametrize("name", FULL_LANE)
def test_name_in_the_list_of_the_full_lane_is_a_file_or_folder(name: str) -> None:
    assert (ROOT / name).exists()
