"""The accelerator: answers ordinary HTTP/1.1 requests inside the uvicorn protocol, without ASGI.

It skips only uvicorn's task and the middlewares. It uses the same path templates, compiled
operations, judge and headers as the app, and a test compares the output of both byte for byte.
``cart-mock --no-accelerator`` switches it off. May import http and below. Start with
``protocol.py``.
"""
