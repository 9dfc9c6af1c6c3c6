"""Logs, metrics and traces of a running mock.

`logs` configures logging and writes one line for each request; `metrics` counts requests and
latencies,
which `prometheus` exposes; `tracing` adds OpenTelemetry if the environment asks for it.
May import `messages` and `tenants`, not `api`, `rules`, `inspection` or `workbench`.
Start reading at `metrics`.
"""
