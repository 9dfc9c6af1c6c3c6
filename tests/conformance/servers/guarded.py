"""Servers behind TLS, and a proxy: what stands between a run and its target in most companies."""

from __future__ import annotations

import datetime as dt
import ipaddress
import select
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.conformance.servers.reference import Handler, Service, serving_handler


@dataclass
class Issuer:
    """A certificate authority. It writes all its files into ``directory``."""

    directory: Path
    name: str = "issuer"
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    @property
    def file(self) -> Path:
        """The file with the issuer's own certificate."""
        path = self.directory / f"{self.name}.pem"
        if not path.exists():
            made = self._signed(self.name, self.key.public_key(), is_issuer=True)
            path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        return path

    def issue(self, name: str, host: str = "127.0.0.1", days: int = 1) -> tuple[Path, Path]:
        """Write a certificate and its key; ``days`` of -1 makes one that has expired."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = self._signed(name, key.public_key(), host=host, days=days)
        paths = (self.directory / f"{name}.pem", self.directory / f"{name}.key")
        paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
        paths[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return paths

    def _signed(
        self,
        name: str,
        public: ec.EllipticCurvePublicKey,
        *,
        host: str = "",
        days: int = 1,
        is_issuer: bool = False,
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)]))
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=2))
            .not_valid_after(now + dt.timedelta(days=days))
            .add_extension(x509.BasicConstraints(is_issuer, None), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
                critical=False,
            )
        )
        if is_issuer:
            identity = x509.SubjectKeyIdentifier.from_public_key(public)
            builder = builder.add_extension(identity, critical=False)
            usage = x509.KeyUsage(
                digital_signature=True, content_commitment=False, key_encipherment=False,
                data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
                encipher_only=False, decipher_only=False,
            )  # fmt: skip
            builder = builder.add_extension(usage, critical=True)
        if host:
            address = x509.IPAddress(ipaddress.ip_address(host))
            names = x509.SubjectAlternativeName([address])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self.key, hashes.SHA256())


@contextmanager
def serving_tls(
    certificate: tuple[Path, Path], *, clients: Path | None = None, service: Service | None = None
) -> Iterator[str]:
    """Serve a correct shop over TLS; with ``clients``, only to those with a certificate of it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients)

    class Secured(Handler):
        def setup(self) -> None:
            self.request = context.wrap_socket(
                self.request, server_side=True, do_handshake_on_connect=False
            )
            super().setup()

        def handle(self) -> None:
            with suppress(OSError):  # the client does not trust this server, or the other way round
                self.request.do_handshake()
                super().handle()

        def finish(self) -> None:
            super().finish()
            self.request.close()

    Secured.service = service or Service()
    with serving_handler(Secured) as url:
        yield url.replace("http://", "https://")


class Proxy(BaseHTTPRequestHandler):
    """An HTTP proxy that makes tunnels, and notes to where."""

    tunnels: list[str]

    def do_CONNECT(self) -> None:
        self.tunnels.append(self.path)
        host, _, port = self.path.partition(":")
        with socket.create_connection((host, int(port)), timeout=10) as far:
            self.send_response(200)
            self.end_headers()
            near = self.connection
            while True:
                for source in select.select([near, far], [], [], 10)[0] or [near]:
                    data = source.recv(65536)
                    if not data:
                        self.close_connection = True
                        return
                    (far if source is near else near).sendall(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in the base class
        """Say nothing."""


class Refuses(Proxy):
    """A proxy that wants credentials."""

    def do_CONNECT(self) -> None:
        self.tunnels.append(self.path)
        self.send_response(407)
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextmanager
def serving_proxy(kind: type[Proxy] = Proxy) -> Iterator[tuple[str, list[str]]]:
    """Serve a proxy; its URL, and the list of the tunnels that it made."""
    tunnels: list[str] = []
    with serving_handler(type("Bound", (kind,), {"tunnels": tunnels})) as url:
        yield url, tunnels
