"""One run: its plan, its phases, its events and its verdicts.

``engine`` stands on top and starts the phases; ``directed`` is the first of them, the others stand
in ``cart_conformance.schemathesis``. ``events``, ``verdicts`` and ``finding_aggregator`` stand below
and import no phase. It may import ``target``, ``cases`` and ``oracle``, never ``reports``. Start
reading at :mod:`cart_conformance.run.engine`; verdicts are decided in
:mod:`cart_conformance.run.verdicts` alone.
"""
