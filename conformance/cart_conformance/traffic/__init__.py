"""Recorded traffic as evidence: the suite's oracle judges it, and nothing is sent.

``recorded`` reads a file, with a reader for each format; ``evidence`` judges its exchanges;
``command`` is ``cart-spec traffic``. It may import the oracle and ``run.verdicts``. Start reading
at
:func:`cart_conformance.traffic.evidence.weigh`.
"""
