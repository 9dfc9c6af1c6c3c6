"""A command whose extra is missing says how to install it."""

from __future__ import annotations

from pathlib import Path

import pytest
from cart_spec import extras


@pytest.mark.parametrize(
    ("setup", "said"),
    [
        (extras.SETUP, "In this checkout, run: scripts/setup fast"),
        (
            Path("no/such/setup"),
            "Run: pip install 'cart-associations[review]', or '.[review]' in a checkout",
        ),
    ],
)
def test_require_extra_without_it_says_how_to_install_it(
    setup: Path, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(extras, "SETUP", setup)
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "jinja2" else name)
    with pytest.raises(SystemExit) as left:
        extras.require_extra("cart_spec", "cart-spec")
    assert left.value.code == 2
    needs = "cart-spec needs the extra 'review', and jinja2 is not installed."
    assert capsys.readouterr().err == f"{needs} {said}\n"
