"""The workbench: puts a store into any situation, shows what happened in it and why."""

from typing import Final

BASE_PATH: Final = "/_mock"
"""Where the workbench is served."""
