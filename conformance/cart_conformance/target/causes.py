"""Says in a sentence why a run could not start, and what to do about it."""

from __future__ import annotations

from urllib.parse import urljoin

from cart_conformance.exchange import Answer
from cart_conformance.target.transport import Interruption, TimedOut, Unavailable

_HINTS = (
    (
        "mismatch, certificate",
        "Its certificate is for another host: use a name that it has, or --insecure to trust it.",
    ),
    (
        "certificate has expired",
        "Its certificate has expired: renew it, or give --insecure to trust it all the same.",
    ),
    (
        "CERTIFICATE_VERIFY_FAILED",
        "Its certificate is not trusted: give its issuer with --cacert, or --insecure to trust it.",
    ),
    ("CERTIFICATE_REQUIRED", "It asks for a client certificate: give --cert and --key."),
    ("CERTIFICATE_UNKNOWN", "It refuses the client certificate: check --cert and --key."),
    ("UNKNOWN_CA", "It refuses the client certificate: check --cert and --key."),
    ("HANDSHAKE_FAILURE", "It may ask for a client certificate: give --cert and --key."),
    ("violation of protocol", "It may refuse or ask for a client certificate: --cert and --key."),
    ("KEY_VALUES_MISMATCH", "The files of --cert and --key do not belong together."),
    ("PEM lib", "The files of --cert and --key must be PEM files."),
    (
        "NO_CERTIFICATE_OR_CRL_FOUND",
        "The file of --cacert, or of SSL_CERT_FILE, has no certificate in PEM.",
    ),
    ("TLS CA certificate bundle", "Check --cacert, or the variable SSL_CERT_FILE."),
    ("WRONG_VERSION_NUMBER", "It does not speak TLS there: is the URL http:// and not https://?"),
    (
        "the proxy",
        "Check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY; NO_PROXY lists hosts without a proxy.",
    ),
    ("NameResolutionError", "The name of the host is unknown: check the base URL."),
    ("gaierror", "The name of the host is unknown: check the base URL."),
    (
        "ConnectionRefused",
        "No server listens there: check the base URL, or give the server time with --wait SECONDS.",
    ),
)


def why_unreachable(target: str, error: Interruption) -> str:
    """Return why a target could not be reached, and which option or setting helps."""
    reason = str(error)
    hint = next((hint for sign, hint in _HINTS if sign in reason), None)
    if hint is None and isinstance(error, Unavailable):
        hint = "A gateway answers, and the server behind it does not: try again with --wait."
    if hint is None and isinstance(error, TimedOut):
        hint = "Check that the server runs, and the firewalls on the way; or raise --timeout."
    hint = hint or "Check the base URL, and that the server runs."
    return f"{target} could not be reached: {reason}. {hint}"


def why_no_token(target: str, answer: Answer) -> str:
    """Return why the first answer is not an access token, and what to do."""
    status, url = answer.status, answer.request.url
    if 300 <= status < 400:
        location = urljoin(url, answer.headers.get("Location", ""))
        base = location.partition("/oauth/")[0]
        return (
            f"{target} redirects ({status}) to {location}. A run follows no redirect:"
            f" give {base} as base URL, or --token-url for tokens elsewhere."
        )
    if status == 407:
        return "A proxy asks for credentials (407): put them into HTTPS_PROXY or HTTP_PROXY."
    if status in (401, 403) and answer.is_page:
        return (
            f"A gateway or firewall in front of {target} answered {status} with a page for people,"
            " not the API. Allow this machine there, or send what it asks for with --header."
        )
    if status in (400, 401, 403):
        return f"the credentials were refused ({status}): check --client-id and the secret"
    return (
        f"{target} does not answer like this API: POST {url} gave {status} and no access_token."
        " Check the base URL, or give --token-url if tokens come from elsewhere."
    )
