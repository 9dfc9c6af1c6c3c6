"""Exports the contract in the formats that other tools read.

Start in ``formats.py``, which lists them. ``schemas.py`` brings schemas to JSON Schema 2020-12,
``tour.py`` and ``two_devices.py`` plan requests as steps, and a module for each format writes it.
Everything is derived from the document, so that a new operation is in each format at once. May
import the modules of ``cart_spec`` itself, not ``book``, ``diff`` or ``lint``.
"""
