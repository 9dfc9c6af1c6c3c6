"""The reasons for which a run, or a case, cannot be tried."""


class CouldNotRun(Exception):
    """The run cannot be made at all. The message says why, and what to do."""


class Untestable(Exception):
    """A case cannot be tried: its control, or something that it needs, failed."""
