"""A server that echoes all secrets: no output of a run may contain one."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.servers.reference import Call, Refusal, Reply, Service, serving

CANARY = 'canary-"secret"/+ &1'


class Echo(Service):
    """Every answer says what was sent, in several encodings, and every secret is remembered."""

    def __init__(self) -> None:
        super().__init__()
        self.known: set[str] = set()

    def handle(self, call: Call) -> Reply:
        status, document = super().handle(call)
        if not isinstance(document, dict):
            return status, document
        said = "\n".join(f"{name}: {value}" for name, value in call.raw_headers)
        said += "\n" + call.body.decode("utf-8", "replace")
        document["echo"] = {
            "raw": said,
            "base64": base64.b64encode(said.encode()).decode(),
            "json": json.dumps(said),
        }
        for error in document.get("errors", []):
            error["detail"] = f"{error.get('detail', '')} You sent: {said}"
        self.remember(call, document)
        return status, document

    def remember(self, call: Call, document: dict[str, Any]) -> None:
        data = document.get("data")
        owner_token = data.get("token") if isinstance(data, dict) else None
        self.known |= {each for each in (document.get("access_token"), owner_token) if each}
        if call.operation == "createCustomer" and b"password" in call.body:
            self.known.add(str(call.json()["data"]["password"]))

    def check_entry(self, call: Call) -> None:
        """One rule is broken, so that reports show exchanges."""
        try:
            super().check_entry(call)
        except Refusal as refusal:
            if refusal.rule != "customer-id-missing":
                raise


@pytest.mark.parametrize("how", ["environment", "option", "file"])
def test_no_output_has_a_secret(how: str, tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    journal = tmp_path / "journal.jsonl"
    service = Echo()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CART_CONFORMANCE")}
    options = ["--client-id", "a-store"]
    if how == "environment":
        environment["CART_CONFORMANCE_CLIENT_SECRET"] = CANARY
    elif how == "option":
        options += ["--client-secret", CANARY]
    else:
        (tmp_path / "secret").write_text(CANARY + "\n")
        options += ["--client-secret-file", str(tmp_path / "secret")]
    rules = "customer-id-missing,credentials-wrong,grant-invalid,customer-token-invalid"
    with serving(service) as url:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "cart_conformance", "run", url, *options),
                *("--report-dir", str(reports), "--journal", str(journal)),
                *("--layers", "directed", "--rules", rules, "--settle", "0"),
            ],
            env=environment,
            capture_output=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 1, done.stdout.decode() + done.stderr.decode()
    written = {path.name: path.read_bytes() for path in reports.iterdir()}
    assert "report.json" in written
    written |= {"stdout": done.stdout, "stderr": done.stderr}
    secrets = service.known | {CANARY}
    assert len(secrets) > 5
    for name, content in written.items():
        for secret in secrets:
            for form in (
                secret,
                json.dumps(secret)[1:-1],
                base64.b64encode(secret.encode()).decode().rstrip("=")[:-1],
            ):
                assert form.encode() not in content, f"{name} has a secret"
