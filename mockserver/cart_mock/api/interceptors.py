"""What may stand between a tenant's requests and its rules: faults outside, broken rules inside.

An interceptor answers a request itself, or calls ``proceed`` for the answer of what stands behind
it, the rules last. It is sync where nothing waits, so that judging and acting stay one step. Put it
in place with ``tenant.interceptors.set``; a tenant without interceptors pays nothing for them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cart_mock.api.endpoints import Endpoint
from cart_mock.messages import Answer
from cart_mock.rules.context import RequestContext, TokenRequestContext

Context = RequestContext | TokenRequestContext
Handler = Callable[[Endpoint, Context], Answer | Awaitable[Answer]]
"""Answers a request, given its endpoint and its context."""
Interceptor = Callable[[Endpoint, Context, Handler], Answer | Awaitable[Answer]]
"""Answers a request, given also how to proceed to what stands behind."""
