"""Operations on coverage: which parts of the contract a test run has exercised."""

from __future__ import annotations

from connexion.lifecycle import ConnexionResponse

from cart_mock.inspection.coverage import coverage, junit, unmeasured
from cart_mock.messages import encode_json
from cart_mock.workbench.control import control, tenant_named
from cart_mock.workbench.errors import Refusal


async def get_coverage(store: str, output: str = "json", require: str = "") -> ConnexionResponse:
    """Return what a store's requests have exercised."""
    tenant, mock = tenant_named(store), control().mock
    required = [rule_id for rule_id in require.split(",") if rule_id]
    unknown = unmeasured(mock.contract, required)
    if unknown:
        raise Refusal(
            "rule-unknown",
            f"no refusal has the id {unknown[0][:200]!r}",
            "GET /_mock/rules has the ids; only refusals are measured.",
            "require",
        )
    counts, storeless = tenant.request_log.exercised, mock.request_log.exercised
    measured = coverage(mock.contract, counts, storeless, required)
    if output == "junit":
        return _response("application/xml", junit(tenant.name, measured))
    return _response("application/json", encode_json(measured))


async def clear_coverage(store: str) -> tuple[None, int]:
    """Start counting from zero."""
    tenant_named(store).request_log.exercised.clear()
    return None, 204


def _response(media_type: str, body: bytes) -> ConnexionResponse:
    return ConnexionResponse(status_code=200, content_type=media_type, body=body)
