"""Joins the parts of the mock to one Connexion application."""

from __future__ import annotations

from cart_mock import quiet_connexion  # noqa: F401  # before anything else imports Connexion

# isort: split
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from cart_spec import Contract, load_contract
from cart_spec.paths import PathTemplates
from connexion import AsyncApp
from connexion.middleware.exceptions import ExceptionMiddleware
from connexion.middleware.lifespan import LifespanMiddleware
from connexion.middleware.main import API
from connexion.middleware.server_error import ServerErrorMiddleware
from connexion.resolver import Resolver
from connexion.spec import OpenAPISpecification
from starlette.types import ASGIApp

from cart_mock.api.endpoints import Mock
from cart_mock.api.faults import apply_faults
from cart_mock.http.book import BOOK_PATH, book_of
from cart_mock.http.cors import CorsWithPreflights
from cart_mock.http.documentation import OPTIONS, PATHS, DocumentationMiddleware
from cart_mock.http.error_handlers import add_error_handlers
from cart_mock.http.on_first_use import OnFirstUse
from cart_mock.http.request_handler import HEAD_LIMIT, RequestHandler
from cart_mock.http.routing import ContractRouting
from cart_mock.http.rules_middleware import RulesMiddleware
from cart_mock.http.uncontracted import Uncontracted
from cart_mock.telemetry.metrics import Metrics
from cart_mock.tenants.forward import Forward
from cart_mock.tenants.registry import TenantRegistry
from cart_mock.workbench import BASE_PATH

if TYPE_CHECKING:
    from cart_mock.breaks import Break
    from cart_mock.http.forwarding import Forwarder

BODY_LIMIT = 1024 * 1024
"""Default limit of a request's body, in bytes."""
CONTROL_BODY_LIMIT = 256 * 1024 * 1024
"""Limit of a body for the control API, in bytes: an import of 1,000,000 carts fits."""
_OWN = {"", "_mock", "book", *PATHS}
"""The first segments of the paths that the mock serves besides the contract's."""


class _Shipped(OpenAPISpecification):  # type: ignore[misc]  # connexion ships no types
    """The contract of this package, which a test validates, so that no start takes time for it."""

    @classmethod
    def _validate_spec(cls, _spec: object) -> None:
        pass


class MockApp(AsyncApp):  # type: ignore[misc]  # as above
    """A Connexion application with the mock that it serves."""

    mock: Mock
    tenants: TenantRegistry
    requests: RequestHandler
    paths: PathTemplates[str]
    workbench_options: dict[str, Any]
    """Further options of the workbench, which is made on first use."""
    background: list[AbstractAsyncContextManager[Any]]
    """What runs while the application is served."""

    def add_shipped_api(self, document: dict[str, Any], resolver: Resolver) -> None:
        """Add the API of this package's contract, as ``add_api`` does with any other document."""
        options = self.middleware.options.replace(resolver=resolver)
        self.middleware.apis.append(API(_Shipped(document), base_path=None, **options.__dict__))


def create_app(
    *,
    contract: Contract | None = None,
    tenants: TenantRegistry | None = None,
    envelope_only: bool = False,
    body_limit: int = BODY_LIMIT,
    head_limit: int = HEAD_LIMIT,
    control_body_limit: int = CONTROL_BODY_LIMIT,
    control_key: str | None = None,
    hosts: Collection[str] = (),
    breaks: Sequence[Break] = (),
    forward: Forward | None = None,
) -> MockApp:
    """Return the mock as a Connexion application, for any ASGI server, client or test.

    ``tenants`` have its state, by default in memory. ``envelope_only`` refuses bare arrays.
    The limits of bodies and heads are in bytes. The control API requires ``control_key``, by
    default no key; without one, ``hosts`` are further names under which it is open. ``breaks`` are
    rules to violate, for every tenant. ``forward`` is the server for paths that the contract does
    not have. Raises LookupError if the contract has an operation or a refusal that the mock does
    not implement.
    """
    is_shipped = contract is None
    contract = contract or load_contract()
    tenants = TenantRegistry() if tenants is None else tenants
    mock = Mock(contract, tenants, envelope_only=envelope_only)
    mock.forward = forward
    apply_faults(mock)
    if breaks:
        from cart_mock.breaks import break_process

        break_process(mock, breaks)
    metrics = Metrics()
    requests = RequestHandler(mock, metrics, body_limit, head_limit)
    paths: PathTemplates[str] = PathTemplates()

    @cache
    def forwarder() -> Forwarder:
        # Imported on first use: its HTTP client takes as long to import as Starlette does.
        from cart_mock.http.forwarding import Forwarder

        return Forwarder(requests, mock.errors)

    @asynccontextmanager
    async def lifespan(_app: object) -> AsyncIterator[None]:
        async with AsyncExitStack() as running:
            for work in app.background:
                await running.enter_async_context(work)
            yield
        if forwarder.cache_info().currsize:
            await forwarder().close()
        tenants.close()

    app = MockApp(
        __name__,
        lifespan=lifespan,
        middlewares=[
            partial(CorsWithPreflights, requests=requests),
            # In front of what operations do not need: they answer their own failures.
            partial(ContractRouting, paths=paths, requests=requests),
            partial(RulesMiddleware, mock=mock, requests=requests),
            ServerErrorMiddleware,
            ExceptionMiddleware,
            partial(Uncontracted, mock=mock, requests=requests, forwarder=forwarder, own=_OWN),
            DocumentationMiddleware,
            # SecurityMiddleware stays out: rules judge the tokens, in the contract's words.
            # The validation middlewares stay out: rules judge parameters and bodies likewise.
            LifespanMiddleware,
            # ContextMiddleware stays out: no handler reads Connexion's request context.
        ],
        swagger_ui_options=OPTIONS,
    )
    app.mock, app.tenants, app.requests, app.paths = mock, tenants, requests, paths
    app.workbench_options, app.background = {}, []
    add_error_handlers(app, mock, requests)
    book = book_of(contract)
    for path in (BOOK_PATH, f"{BOOK_PATH}/"):
        app.add_url_rule(path, view_func=book)
    workbench = OnFirstUse(
        partial(_create_workbench, app, metrics, control_key, control_body_limit, hosts)
    )
    for path in (BASE_PATH, f"{BASE_PATH}/{{path:path}}"):
        app.add_url_rule(path, view_func=workbench)
    # Connexion resolves each operationId to its handler; RulesMiddleware compiles and calls it.
    add = app.add_shipped_api if is_shipped else app.add_api
    add(dict(contract.document), resolver=Resolver(mock.handlers.__getitem__))
    return app


def _create_workbench(
    app: MockApp, metrics: Metrics, control_key: str | None, body_limit: int,
    hosts: Collection[str],
) -> ASGIApp:  # fmt: skip
    from cart_mock.workbench.app import create_workbench

    return create_workbench(
        app.mock, metrics, control_key=control_key, body_limit=body_limit, hosts=hosts,
        **app.workbench_options,
    )  # fmt: skip
