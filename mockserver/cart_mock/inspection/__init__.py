"""What can be learned from the request log: views of requests, explanations, checks, coverage.

`request_view` shows one logged request without secrets; `explanation` says why it was answered so,
with `cause` and `suggestions`; `verification` and `coverage` serve tests.
May import `rules`, `state`, `tenants`, `messages` and `api.serializers`, but not `workbench`.
Start reading at `explanation`.
"""
