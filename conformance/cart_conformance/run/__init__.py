"""One run: its plan, its phases, its events and its verdicts.

``engine`` is on top and starts the phases: ``directed`` here, the others in
``cart_conformance.schemathesis``. ``events``, ``verdicts`` and ``finding_aggregator`` are below
and import no phase. It may import ``target``, ``cases`` and ``oracle``, never ``reports``. Start
reading at :mod:`cart_conformance.run.engine`; verdicts are decided in
:mod:`cart_conformance.run.verdicts` alone.
"""
