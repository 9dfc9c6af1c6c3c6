"""A mock server of the customer-cart associations: Connexion plays the contract over TinyDB.

``app.py`` is what is plugged together; ``cli.py`` is the command ``cart-mock``, ``testing.py`` and
``pytest_plugin.py`` are for tests. A folder may import those behind it in this line: workbench;
inspection and breaks; accelerator; http; telemetry; api; rules; tenants; state; auth; and the value
modules at this level (messages, errors, bodies, formats). Start with ``app.py``.
"""
