"""The reasons why a run or a case cannot be tried."""


class CouldNotRun(Exception):
    """A run that cannot be made. The message says why, and what to do."""


class Untestable(Exception):
    """A case that cannot be tried, because its control or its preparation failed."""


class ServerFailed(Untestable):
    """A case that cannot be tried, because a request that it rests on was answered with 5xx."""


class Skipped(Untestable):
    """A case that the run leaves out, because its settings do not allow it."""
