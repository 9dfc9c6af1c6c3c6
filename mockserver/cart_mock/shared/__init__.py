"""One mock of many processes: every tenant's requests go through a log in Redis or Valkey.

Each process holds a replica of the tenants that it was asked for. A request that may change
something is appended to the tenant's log, and every replica carries it out at its place in the
log, with the time and the ids that its entry gives. So replicas are equal without knowing what
there is to copy. A request that changes nothing is judged at once; its record is appended only if
the replica was up to date, which the server checks in the same step.

``store.lua`` is what the server does, ``link`` and ``client`` talk to it, ``replica`` is one tenant
and ``tenants`` are all of them, ``replay`` carries out an entry, ``state`` is what a snapshot
holds, ``front`` answers requests and ``control`` the workbench's. Start with ``replica``.
May import every other folder but ``accelerator``. Only ``launch`` imports it, if it is asked to.
"""
