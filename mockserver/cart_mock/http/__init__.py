"""HTTP around the API: routing, the rules middleware, errors, CORS, delivery, uvicorn's protocol.

All of it plugs into Connexion's documented extension points; ``cart_mock.app`` puts it together.
May import telemetry, api and below. Start with ``rules_middleware.py``, through which each request
goes, then ``routing.py`` in front of it and ``error_handlers.py`` for everything that goes wrong.
"""
