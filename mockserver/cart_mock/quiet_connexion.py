"""Imports Connexion without the warnings that its own imports cause.

Connexion 3.3 imports Starlette's test client, which warns about httpx, and deprecated names of
jsonschema. With ``-W error``, which many test suites use, importing the mock would fail.
"""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import connexion  # noqa: F401  # imported for its side effect: it is then in sys.modules
