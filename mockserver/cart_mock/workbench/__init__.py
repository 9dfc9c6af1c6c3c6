"""The control API at ``/_mock`` and its page: prepare a store, and see why requests failed.

A Connexion application of its own, with stock validation, built from ``workbench.yaml``. One module
a group of operations (``*_api``), one function an ``operationId``; each works on a `Tenant`.
May import every folder of the mock except ``accelerator``; only ``app`` and ``launch`` import it.
Start reading at `routes`, then `app`.
"""

from typing import Final

BASE_PATH: Final = "/_mock"
"""The path that the control API is served at."""
