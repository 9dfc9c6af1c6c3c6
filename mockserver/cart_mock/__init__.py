"""A mock server of cart associations: Connexion serves the contract, TinyDB keeps the state.

``app.py`` joins the parts; ``cli.py`` is the command ``cart-mock``; ``testing.py`` and
``pytest_plugin.py`` are for tests. A folder may import those after it in this list: workbench;
inspection and breaks; accelerator; http; telemetry; api; rules; tenants; state; auth; and the value
modules at this level (messages, errors, bodies, formats). Start with ``app.py``.
"""
