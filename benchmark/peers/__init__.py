"""The servers of the benchmark, by name."""

from benchmark.peers.base import ContractPeer, Peer, Site
from benchmark.peers.contract import Mockoon, Prism, Scalar, Specmatic, WireMock
from benchmark.peers.own_api import Commercetools, JsonServer, LocalStripe, Moto
from benchmark.peers.project import Hello, Mock, MockApp, StockConnexion

PEERS: dict[str, type[Peer]] = {
    peer.name: peer
    for peer in (
        Mock,
        MockApp,
        Hello,
        StockConnexion,
        Prism,
        Mockoon,
        Scalar,
        Commercetools,
        WireMock,
        Specmatic,
        Moto,
        LocalStripe,
        JsonServer,
    )
}

__all__ = ["PEERS", "ContractPeer", "Mock", "Peer", "Site"]
