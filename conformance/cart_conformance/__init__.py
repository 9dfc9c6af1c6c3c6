"""Checks whether a deployment follows the contract for customer-cart associations.

How it hangs together:

* A **layer** is a function ``run(session: Session) -> Iterator[CaseResult]``
  (:class:`cart_conformance.run.engine.LayerFunction`), entered in :data:`cart_conformance.run.engine.LAYERS`. It
  sends through ``session.send`` alone, which keeps to the rate limit and the request budget, waits
  out a 429, and never sends a changing request twice. It makes carts with ``session.new_cart`` and
  customers with ``session.new_customer``, so that they are journalled and cleaned up. It raises
  nothing for a deviation: it yields a :class:`~cart_conformance.run.events.CaseResult` with
  :class:`~cart_conformance.run.events.Deviation` values in it. A network fault inside a case is that case's
  ``error``, never a deviation.
* A **reporter** is a class with ``handle(event: Event) -> None``
  (:class:`cart_conformance.run.engine.Reporter`): it consumes the events of :mod:`cart_conformance.run.events`, which
  are already redacted, and sends nothing.
* Verdicts are folded from case results in :mod:`cart_conformance.run.verdicts`, in one place.
* Directed cases stand in :mod:`cart_conformance.cases`, registered by rule id.

The suite knows the contract (:mod:`openapi`) and no implementation of it.
"""
