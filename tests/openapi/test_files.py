"""Files are written whole or not at all."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cart_spec.files import write_atomically


@pytest.mark.parametrize("sync", [True, False])
@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_write_atomically_replaces_the_file_with_its_mode(
    mode: int, tmp_path: Path, *, sync: bool
) -> None:
    path = tmp_path / "kept.json"
    path.write_bytes(b"old and longer")
    path.chmod(0o777)
    write_atomically(path, b"new", mode, sync=sync)
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert list(tmp_path.iterdir()) == [path]


def test_write_atomically_that_fails_leaves_the_old_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kept.json"
    path.write_bytes(b"old")

    def fail(_self: Path, _target: Path) -> Path:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_write_atomically_without_a_folder_raises(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        write_atomically(tmp_path / "missing" / "file", b"")
