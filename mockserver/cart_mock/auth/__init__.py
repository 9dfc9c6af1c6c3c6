"""Authentication: tokens, passwords, and the file of accepted keys.

``tokens.py`` issues and reads signed tokens, ``passwords.py`` hashes and checks in threads, and
``clients.py`` reads a file of keys and their secrets. May import the value modules only; finding
the caller of a request is in ``rules/context.py``. Start with ``tokens.py``.
"""
