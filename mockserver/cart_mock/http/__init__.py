"""HTTP around the API: routing, the rules middleware, errors, CORS, delivery, uvicorn's protocol.

All of it plugs into Connexion's documented extension points; ``cart_mock.app`` puts it together.
May import telemetry, api and below. Start with ``rules_middleware.py``, which handles each request,
then read ``routing.py``, which runs
before it, and ``error_handlers.py``.
"""
