"""State: what a store holds, and how TinyDB keeps it.

``store.py`` has carts and customers over TinyDB's public API, with ``indexes.py`` and the
``customer_list.py`` of carts with many customers; ``turns.py`` is for long work in threads;
``tinydb_tables.py`` and ``journal_storage.py`` are our table and storages on TinyDB's own seams;
``seed.py``, ``scenarios`` and ``snapshots.py`` fill and compare stores. May import auth (for hashes
of passwords) and the value modules. Start with ``store.py``.
"""
