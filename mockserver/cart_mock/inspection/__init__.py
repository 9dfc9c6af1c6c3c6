"""Reads the request log: views of requests, explanations, verification, coverage.

`request_view` renders one logged request without secrets. `explanation` explains its answer, with
`cause` and `suggestions`. `verification` and `coverage` are for tests.
May import `rules`, `state`, `tenants`, `messages` and `api.serializers`, but not `workbench`.
Start reading at `explanation`.
"""
