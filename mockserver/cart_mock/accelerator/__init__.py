"""The accelerator: answers ordinary HTTP/1.1 requests inside the uvicorn protocol, without ASGI.

It skips uvicorn's task and the middlewares for a request, and nothing else: it takes the same path
templates, compiled operations, judge and headers as the app, and a test compares what both write,
byte for byte. ``cart-mock --no-accelerator`` switches it off. May import http and below. Start with
``protocol.py``.
"""
