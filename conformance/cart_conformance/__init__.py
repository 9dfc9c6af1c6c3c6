"""Checks whether a deployment follows the contract for customer-cart associations.

The folders, from top to bottom; each may import those below it:

* ``cli``, ``pytest_plugin``, ``reports``, ``traffic``: what a user starts, and what they read.
* ``run``: the engine, the directed phase, events and verdicts.
* ``schemathesis``: the model and the fuzzing phase, and the oracle as Schemathesis checks.
* ``cases``: the directed cases, a module for each group of rules.
* ``target``: how the suite sends to a deployment, and cleans up.
* ``oracle``: which documented answers a request may get.
* ``config``, ``bodies``, ``findings``, ``exchange``, ``results``, ``errors``: values.

A *phase* is a function of a session that yields case results, entered in
:data:`cart_conformance.run.phases.PHASES`. A *reporter* is a class with ``handle(event)``. The
suite knows the contract (``cart_spec``) and no implementation of it. Start reading at
:mod:`cart_conformance.run.engine`.
"""
