"""Operations on what answers for paths that the contract does not have: stubs, another server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cart_spec.paths import PathTemplates

from cart_mock.tenants.forward import Forward, ForwardError, forward_of
from cart_mock.tenants.stubs import Stub, StubError, Stubs, stub_of
from cart_mock.tenants.tenant import Tenant
from cart_mock.workbench.control import control, tenant_named
from cart_mock.workbench.errors import Refusal

Body = dict[str, Any]

_OWN = ("/_mock", "/book", "/openapi.json", "/ui")


async def get_forward(store: str) -> Body:
    """Return the target of a store's requests for other paths."""
    return {"data": _forward_to_dict(tenant_named(store))}


async def set_forward(store: str, body: Body) -> Body:
    """Forward a store's requests for other paths to a server, or forward none."""
    tenant, url = tenant_named(store), body["url"]
    given = {name: body[name] for name in ("authorization", "timeout") if name in body}
    try:
        tenant.forward = Forward(None) if url is None else forward_of(url, **given)
    except ForwardError as error:
        source = "authorization" if "Authorization" in str(error) else "url"
        reason, _, hint = str(error).partition("; ")
        hint = hint[:1].upper() + hint[1:] + "."
        raise Refusal("forward-invalid", reason, hint, source) from None
    return {"data": _forward_to_dict(tenant)}


async def remove_forward(store: str) -> Body:
    """Let a store forward as the mock was started to."""
    tenant = tenant_named(store)
    tenant.forward = None
    return {"data": _forward_to_dict(tenant)}


def _forward_to_dict(tenant: Tenant) -> Body:
    own = tenant.forward is not None
    target = (tenant.forward if own else control().mock.forward) or Forward(None)
    return {
        "url": target.url,
        "authorization": target.authorization is not None,
        "timeout": target.timeout,
        "from": "store" if own else "process",
    }


async def list_stubs(store: str) -> Body:
    """List the stubs of a store."""
    return _stubs_to_dict(tenant_named(store).stubs)


async def set_stubs(store: str, body: Body) -> Body:
    """Replace the stubs of a store."""
    tenant = tenant_named(store)
    try:
        stubs = [stub_of(sent, f"stubs[{index}]") for index, sent in enumerate(body["stubs"])]
        made = Stubs(stubs)
    except StubError as error:
        raise Refusal("stub-invalid", error.reason, error.hint, error.field) from None
    _check_paths(stubs)
    tenant.stubs = made
    return _stubs_to_dict(made)


async def remove_stubs(store: str) -> tuple[None, int]:
    """Remove every stub of a store."""
    tenant_named(store).stubs = Stubs()
    return None, 204


def _stubs_to_dict(stubs: Stubs) -> Body:
    return {"data": [stub.to_dict() for stub in stubs.all]}


def _check_paths(stubs: list[Stub]) -> None:
    """Raise Refusal if a stub is for a path that the mock answers itself."""
    contract = _paths(control().mock.contract.operations)
    for index, stub in enumerate(stubs):
        path = "/".join("x" if "{" in part else part for part in stub.path.split("/"))
        is_contract = contract.methods(path.removesuffix("/") or path)
        is_own = path == "/" or any(path == own or path.startswith(f"{own}/") for own in _OWN)
        if not is_contract and not is_own:
            continue
        reason = f"the mock itself answers {stub.path}"
        hint = "A stub is for a path that the mock does not have."
        if is_contract:
            hint += " To change an answer of the API, inject a fault or break a rule."
        raise Refusal("stub-invalid", reason, hint, f"stubs[{index}].path")


def _paths(operations: Mapping[str, tuple[str, str]]) -> PathTemplates[str]:
    return PathTemplates((method, path, name) for name, (method, path) in operations.items())
