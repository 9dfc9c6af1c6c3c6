"""Tenants: a ``client_id`` and all that belongs to it.

``tenant.py`` is one, ``registry.py`` finds and makes them; ``request_log.py``, ``faults.py`` and
``interceptors.py`` are what a tenant has besides its store. May import state, auth and the value
modules. Knows neither rules nor HTTP. Start with ``tenant.py``.
"""
