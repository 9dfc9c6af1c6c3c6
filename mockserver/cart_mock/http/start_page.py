"""The page at the mock's address: where everything is, and a first request."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup, escape

from cart_mock.messages import Answer

_HTML = b"text/html"
_PAGE = Markup("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>cart-mock</title>
<style>
body {{ font: 16px/1.55 system-ui, sans-serif; max-width: 56rem; margin: 0 auto;
  padding: 2rem 1rem; }}
pre {{ overflow: auto; font-size: .85rem; padding: .8rem 1rem; border-radius: 8px;
  background: color-mix(in srgb, currentColor 8%, transparent); }}
li {{ margin: .35rem 0; }}
</style>
</head>
<body>
<h1>cart-mock</h1>
<p>A mock of Elastic Path's cart associations is running here.</p>
<ul>
<li><a href="_mock/">Workbench</a>: each request as it comes, why it was refused, and
situations for tests</li>
<li><a href="book">Rule book</a>: every rule, with the sentence that it comes from</li>
<li><a href="ui/">API documentation</a>: every operation, to try out</li>
<li><a href="_mock/ui/">API of the workbench</a></li>
</ul>
<h2>First request</h2>
<pre tabindex="0">curl -X POST {url}/oauth/access_token -d grant_type=implicit \
-d client_id=my-store</pre>
<p>It gets an access token. The <code>client_id</code> names a store, which is made when it is
first used.</p>
</body>
</html>
""")
_POLICY = b"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"


def wants_page(method: str, path: str, headers: Mapping[bytes, bytes]) -> bool:
    """Return whether a request is a browser's for the mock's address."""
    return path == "/" and method in ("GET", "HEAD") and _HTML in headers.get(b"accept", b"")


def start_page(url: str) -> Answer:
    """Return the page of a mock at that URL."""
    return Answer(
        200,
        ((b"content-type", b"text/html; charset=utf-8"), (b"content-security-policy", _POLICY)),
        _PAGE.format(url=escape(url)).encode(),
    )
