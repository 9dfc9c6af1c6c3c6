"""The rule book: the contract as one page to read, search and print.

Start in ``render.py``, which fills the ``templates``. ``recording.json`` holds the mock's answers
that the book shows; ``observation.py`` reads what runs observed on deployments. May import the
modules of ``cart_spec`` itself, not ``lint`` or ``diff``.
"""
