"""The types of interceptors, which run before a tenant's rules: faults outside, breaks inside.

An interceptor answers a request itself, or calls ``proceed`` for the answer of the next one; the
rules come last. It is synchronous unless it must wait, so that judging and acting stay one step.
Install it with ``tenant.interceptors.set``. It costs nothing for tenants without interceptors.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cart_mock.api.endpoints import Endpoint
from cart_mock.messages import Answer
from cart_mock.rules.context import RequestContext, TokenRequestContext

Context = RequestContext | TokenRequestContext
Handler = Callable[[Endpoint, Context], Answer | Awaitable[Answer]]
"""A function that answers a request, given its endpoint and context."""
Interceptor = Callable[[Endpoint, Context, Handler], Answer | Awaitable[Answer]]
"""A function that also gets the handler to proceed to."""
