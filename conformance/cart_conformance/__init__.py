"""The conformance suite: checks whether a deployment follows the contract of cart associations.

The folders, from top to bottom; each may import those below it:

* ``cli``, ``pytest_plugin``, ``reports``, ``traffic``: what a user starts, and what they read.
* ``run``: the engine, the directed phase, events and verdicts.
* ``schemathesis``: the model and the fuzzing phase, and the oracle as Schemathesis checks.
* ``cases``: the directed cases, a module for each group of rules.
* ``target``: how the suite sends to a deployment, and cleans up after a run.
* ``oracle``: which documented answers a request may get.
* ``config``, ``bodies``, ``findings``, ``exchange``, ``results``, ``errors``: plain values.

A *phase* is a function that takes a session and yields case results, registered in
:data:`cart_conformance.run.phases.PHASES`. A *reporter* is a class with ``handle(event)``. The
suite imports the contract (``cart_spec``), and no implementation of it. Start reading at
:mod:`cart_conformance.run.engine`.
"""
