"""The configuration of the peers follows the contract."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cart_spec import load_contract

from benchmark.install import install, missing_commands
from benchmark.peers import PEERS, Peer
from benchmark.peers.contract import mockoon_environment, peer_document, wiremock_stubs
from benchmark.population import CARTS_OF_A_CUSTOMER


@pytest.mark.parametrize("peer", PEERS.values(), ids=PEERS)
def test_every_peer_says_what_it_does_and_pins_what_it_installs(peer: type[Peer]) -> None:
    assert peer.work_done.endswith(".")
    assert all("@" in package[1:] for package in peer.npm)
    assert all("==" in package for package in peer.pip)


def test_peers_get_the_contract_with_a_full_page_of_carts() -> None:
    document = peer_document()
    assert document["paths"] == load_contract().document["paths"]
    page = document["components"]["examples"]["cart-page"]["value"]
    assert len(page["data"]) == CARTS_OF_A_CUSTOMER
    assert len(load_contract().example("cart-page")["data"]) == 1


def test_stubs_answer_with_the_examples_of_the_contract() -> None:
    bodies = [json.loads(stub["response"].get("body", "null")) for stub in wiremock_stubs()]
    contract = load_contract()
    assert contract.example("association") in bodies
    assert contract.example("type-not-customer") in bodies
    routes = {(route["method"], route["endpoint"]) for route in mockoon_environment()["routes"]}
    assert ("delete", "v2/carts/:cart/relationships/customers") in routes


def test_what_is_installed_is_not_installed_again(tmp_path: Path) -> None:
    peer = PEERS["prism"]
    folder = tmp_path / peer.name
    folder.mkdir()
    (folder / "installed.json").write_text(json.dumps([*peer.npm, *peer.pip]), "utf-8")
    (folder / "kept").touch()
    assert install(peer, tmp_path) == folder
    assert (folder / "kept").exists()


def test_a_peer_whose_runtime_is_not_there_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert missing_commands(PEERS["wiremock"]) == ["java", "npm"]
    assert missing_commands(PEERS["moto"]) == []
