"""The API's operations: from a request to its answer.

``endpoints.py`` judges a request by its rules and calls the operation's handler. ``handlers.py``
has one function for each ``operationId``, and ``serializers.py`` renders their content.
``interceptors.py`` describes what can run before the rules. May import rules and below, and does
not
depend on ASGI. Start with ``endpoints.py``.
"""
