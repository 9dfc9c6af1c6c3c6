"""The deployment under test: how the suite sends to it, with which credentials, and cleans up.

It may import the oracle, which checks every answer, and the values at the top of the package. It
must not import ``run``, ``cases`` or ``reports``. Start reading at
:class:`cart_conformance.target.session.Session`, which joins the transport, the actors, the ledger
and the factory. The guarantees about sending are in :mod:`~cart_conformance.target.transport`.
"""
