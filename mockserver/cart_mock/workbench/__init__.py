"""The control API at ``/_mock`` and its page, to prepare a store and to explain refusals.

It is a separate Connexion application with stock validation, built from ``workbench.yaml``. It has
a module for each group of operations (``*_api``) and a function for each ``operationId``.
May import every folder of the mock except ``accelerator``; only ``app`` and ``launch`` import it.
Start reading at `routes`, then `app`.
"""

from typing import Final

BASE_PATH: Final = "/_mock"
"""The path that the control API is served at."""
