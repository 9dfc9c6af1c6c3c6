"""The API's operations: from a request to its answer.

``endpoints.py`` judges a request by its rules and has the operation's handler act;
``handlers.py`` has one function for each ``operationId``, ``serializers.py`` renders what they
answer, ``interceptors.py`` says what may stand in front of the rules. May import rules and below,
and knows nothing of ASGI. Start with ``endpoints.py``.
"""
