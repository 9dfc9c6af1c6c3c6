"""Runs over TLS and through a proxy; a certificate that does not fit is said with its option."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conformance.runs import Run, run
from tests.conformance.servers.guarded import Issuer, Refuses, serving_proxy, serving_tls
from tests.conformance.servers.reference import Service, serving

RULES = ("carts-need-an-owner",)


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what the machine says of proxies and certificates."""
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    return Issuer(tmp_path)


def tried(url: str, tmp_path: Path, **changed: Any) -> Run:
    return run(url, tmp_path, rules=RULES, owners=("customers",), **changed)


def test_a_private_issuer_is_trusted_by_option_and_environment(
    issuer: Issuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving_tls(issuer.issue("shop")) as url:
        refused = tried(url, tmp_path)
        assert refused.status == 2
        assert "give its issuer with --cacert" in str(refused.finished.problem)
        given = tried(url, tmp_path, cacert=issuer.file)
        assert given.status == 0, given.told()
        assert tried(url, tmp_path, insecure=True).status == 0
        monkeypatch.setenv("SSL_CERT_FILE", str(issuer.file))
        assert tried(url, tmp_path).status == 0
        other = Issuer(tmp_path, "another issuer")
        assert tried(url, tmp_path, cacert=other.file).status == 2


@pytest.mark.parametrize(
    ("host", "days", "hint"),
    [("127.0.0.2", 1, "for another host"), ("127.0.0.1", -1, "has expired")],
)
def test_a_certificate_that_no_issuer_mends(
    host: str, days: int, hint: str, issuer: Issuer, tmp_path: Path
) -> None:
    with serving_tls(issuer.issue("shop", host, days)) as url:
        problem = str(tried(url, tmp_path, cacert=issuer.file).finished.problem)
        assert hint in problem
        assert "--insecure" in problem
        assert tried(url, tmp_path, insecure=True).status == 0


def test_a_client_certificate(issuer: Issuer, tmp_path: Path) -> None:
    clients = Issuer(tmp_path, "clients")
    cert, key = clients.issue("one client")
    stranger, strange_key = issuer.issue("a stranger")
    with serving_tls(issuer.issue("shop"), clients=clients.file) as url:
        good = tried(url, tmp_path, cacert=issuer.file, cert=cert, key=key)
        assert good.status == 0, good.told()
        for changed in ({}, {"cert": stranger, "key": strange_key}):
            bad = tried(url, tmp_path, cacert=issuer.file, **changed)
            assert bad.status == 2
            assert "--cert and --key" in str(bad.finished.problem)


def test_files_that_are_no_certificates(issuer: Issuer, tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("nothing", encoding="utf-8")
    cert, _ = issuer.issue("one client")
    _, other_key = issuer.issue("another client")
    with serving_tls(issuer.issue("shop")) as url:
        problem = str(tried(url, tmp_path, cacert=nothing).finished.problem)
        assert "--cacert" in problem
        wrong = tried(url, tmp_path, cacert=issuer.file, cert=cert, key=other_key)
        assert "--cert and --key" in str(wrong.finished.problem)


def test_a_proxy_for_a_target_with_tls(
    issuer: Issuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving_tls(issuer.issue("shop")) as url, serving_proxy() as (proxy, tunnels):
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        made = tried(url, tmp_path, cacert=issuer.file)
        assert made.status == 0, made.told()
        assert set(tunnels) == {url.removeprefix("https://")}
        tunnels.clear()
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert tried(url, tmp_path, cacert=issuer.file).status == 0
        assert tunnels == []


def test_a_proxy_that_refuses_or_does_not_listen(
    issuer: Issuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving_tls(issuer.issue("shop")) as url:
        with serving_proxy(Refuses) as (proxy, _):
            monkeypatch.setenv("HTTPS_PROXY", proxy.replace("//", "//someone:the-password@"))
            refused = tried(url, tmp_path, cacert=issuer.file)
        gone = tried(url, tmp_path, cacert=issuer.file)
        for made, sign in ((refused, "407"), (gone, "Check HTTPS_PROXY")):
            assert made.status == 2
            problem = str(made.finished.problem)
            assert sign in problem
            assert "HTTPS_PROXY" in problem
            assert "the-password" not in problem


def test_tls_to_a_server_without_it(tmp_path: Path) -> None:
    with serving(Service()) as url:
        made = tried(url.replace("http", "https"), tmp_path)
    assert made.status == 2
    assert "is the URL http://" in str(made.finished.problem)
