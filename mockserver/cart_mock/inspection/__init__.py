"""What can be learned from the request log: views of requests, explanations, checks, coverage.

`request_view` shows one logged request without secrets; `explanation` says why it was answered so,
with `cause`, `refusal_context` and `suggestions`; `verification` and `coverage` serve tests.
May import `rules`, `state`, `tenants`, `http` and `api.serializers`, but not `workbench`.
Start reading at `explanation`.
"""
