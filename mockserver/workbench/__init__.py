"""The workbench: puts a store into any situation, shows what happened in it and why."""

from mockserver.workbench.app import BASE_PATH, create_workbench

__all__ = ["BASE_PATH", "create_workbench"]
