"""Coverage: what a test run has exercised of the contract."""

from __future__ import annotations

from connexion.lifecycle import ConnexionResponse

from cart_mock.http.messages import encode_json
from cart_mock.inspection.coverage import coverage, junit, unmeasured
from cart_mock.tenants.tenant import Benches
from cart_mock.workbench.errors import Refusal


class CoverageOperations:
    """The operations on coverage, each named after its ``operationId``."""

    def __init__(self, benches: Benches) -> None:
        self._benches = benches

    async def get_coverage(
        self, store: str, output: str = "json", require: str = ""
    ) -> ConnexionResponse:
        """What a store's requests have exercised."""
        held = self._benches.named(store).store
        contract = self._benches.engine.contract
        required = [rule_id for rule_id in require.split(",") if rule_id]
        unknown = unmeasured(contract, required)
        if unknown:
            raise Refusal(
                "rule-unknown",
                f"no refusal has the id {unknown[0][:200]!r}",
                "GET /_mock/rules has the ids; only refusals are measured.",
                "require",
            )
        storeless = self._benches.engine.journal.exercised
        measured = coverage(contract, held.journal.exercised, storeless, required)
        if output == "junit":
            return _response("application/xml", junit(held.name, measured))
        return _response("application/json", encode_json(measured))

    async def clear_coverage(self, store: str) -> tuple[None, int]:
        """Start counting anew."""
        self._benches.named(store).store.journal.exercised.clear()
        return None, 204


def _response(media_type: str, body: bytes) -> ConnexionResponse:
    return ConnexionResponse(status_code=200, content_type=media_type, body=body)
