"""The manifests and the compose file: what schemas cannot see, because it is between the files.

No test here has a cluster or an engine. ``deploy/kubernetes/mock.yaml`` has the command that checks
the manifests against the published schemas.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from cart_mock.cli import main

ROOT = Path(__file__).parents[2]
MANIFESTS: list[dict[str, Any]] = [
    document
    for path in sorted((ROOT / "deploy/kubernetes").glob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.shared.yaml").read_text("utf-8"))
VARIABLES = {f"CART_MOCK_{option.name.upper()}" for option in main.params if option.name}


def of_kind(kind: str, name: str = "cart-mock") -> dict[str, Any]:
    """Return one manifest."""
    [found] = [m for m in MANIFESTS if (m["kind"], m["metadata"]["name"]) == (kind, name)]
    return found


def container_of(name: str) -> dict[str, Any]:
    """Return the one container of a deployment."""
    [container] = of_kind("Deployment", name)["spec"]["template"]["spec"]["containers"]
    found: dict[str, Any] = container
    return found


@pytest.mark.parametrize("name", ["cart-mock", "cart-mock-state"])
def test_service_finds_the_pods_and_the_port_of_its_deployment(name: str) -> None:
    spec = of_kind("Deployment", name)["spec"]
    labels = spec["template"]["metadata"]["labels"]
    service = of_kind("Service", name)["spec"]
    assert spec["selector"]["matchLabels"].items() <= labels.items()
    assert service["selector"].items() <= labels.items()
    ports = {port["name"] for port in container_of(name)["ports"]}
    assert {port["targetPort"] for port in service["ports"]} <= ports


@pytest.mark.parametrize("name", ["cart-mock", "cart-mock-state"])
def test_pods_run_without_rights_on_a_root_that_cannot_be_written(name: str) -> None:
    pod = of_kind("Deployment", name)["spec"]["template"]["spec"]
    container = container_of(name)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["resources"]["limits"]["memory"]


def test_pod_of_the_mock_has_the_user_and_the_port_of_the_image() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    pod = of_kind("Deployment")["spec"]["template"]["spec"]
    assert f"USER {pod['securityContext']['runAsUser']}:" in dockerfile
    [port] = container_of("cart-mock")["ports"]
    assert f"EXPOSE {port['containerPort']}\n" in dockerfile


def test_probes_ask_paths_that_the_mock_has() -> None:
    workbench = (ROOT / "mockserver/cart_mock/workbench/workbench.yaml").read_text("utf-8")
    container = container_of("cart-mock")
    paths = {kind: container[f"{kind}Probe"]["httpGet"]["path"]
             for kind in ("startup", "readiness", "liveness")}  # fmt: skip
    # Only readiness depends on the store: a mock is not restarted because its store is away.
    assert paths == {"startup": "/_mock/health", "readiness": "/_mock/ready",
                     "liveness": "/_mock/health"}  # fmt: skip
    for path in paths.values():
        assert f"\n  {path.removeprefix('/_mock')}:\n" in workbench


def test_variables_of_the_mock_are_options_of_its_command() -> None:
    variables = {each["name"]: each for each in container_of("cart-mock")["env"]}
    assert variables.keys() <= VARIABLES
    assert COMPOSE["x-mock"]["environment"].keys() <= VARIABLES
    state = of_kind("Service", "cart-mock-state")["spec"]["ports"][0]["port"]
    assert variables["CART_MOCK_SHARED"]["value"] == f"redis://cart-mock-state:{state}"


def test_budget_leaves_a_pod_that_may_be_moved() -> None:
    budget = of_kind("PodDisruptionBudget")["spec"]
    spec = of_kind("Deployment")["spec"]
    labels = spec["template"]["metadata"]["labels"]
    assert budget["selector"]["matchLabels"].items() <= labels.items()
    assert 0 < budget["minAvailable"] < spec["replicas"]


def test_proxy_of_compose_takes_turns_over_every_mock() -> None:
    services, proxy = COMPOSE["services"], COMPOSE["configs"]["proxy"]["content"]
    mocks = {name for name in services if name.startswith("mock-")}
    assert len(mocks) == 3
    assert set(re.findall(r"server (mock-\d):8080;", proxy)) == mocks
    assert set(services["proxy"]["depends_on"]) == mocks
    # A single dollar sign would be a variable of Compose.
    assert not re.search(r"(?<!\$)\$(?!\$)\w", proxy)
    for name in (*mocks, "state"):
        assert services[name]["read_only"] is True


@pytest.mark.parametrize("where", ["compose", "kubernetes"])
def test_store_is_started_so_that_it_never_evicts(where: str) -> None:
    command = (COMPOSE["services"]["state"]["command"] if where == "compose"
               else container_of("cart-mock-state")["args"])  # fmt: skip
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert options["--maxmemory-policy"] == "noeviction"
    assert options["--maxmemory"]
