"""HAR files as real tools write them: what was not recorded is not judged, and nothing leaks."""

from __future__ import annotations

import base64
import copy
import gzip
import json
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import brotli
import pytest
from backports import zstd
from cart_conformance.oracle import Oracle
from cart_conformance.results import Verdict
from cart_conformance.run.verdicts import Policy
from cart_conformance.traffic import encodings
from cart_conformance.traffic.command import traffic
from cart_conformance.traffic.encodings import StillCompressedError
from cart_conformance.traffic.evidence import Evidence, weigh
from cart_conformance.traffic.recorded import read_recording
from cart_spec.contract import load_contract
from click.testing import CliRunner, Result

from tests.openapi.har import Entry, har

ORACLE = Oracle(load_contract())

# The places of two exchanges in the visit: an association that succeeds, and one that is refused.
SHARED, REFUSED = -2, -1


def weighed(path: Path, *, alone: bool = True) -> Evidence:
    return weigh(read_recording(path), ORACLE, Policy(strict=True), alone=alone)


def judged(tmp_path: Path, entries: list[Any], *, alone: bool = True) -> Evidence:
    path = tmp_path / "recording.har"
    path.write_text(json.dumps(har(entries)))
    return weighed(path, alone=alone)


def rules(evidence: Evidence) -> list[str]:
    return [each.rule for judged in evidence.judged for each in judged.deviations]


def run(path: Path, *options: str) -> Result:
    return CliRunner().invoke(traffic, [str(path), *options])


def answer(entry: Entry, status: int, text: str) -> None:
    entry["response"]["status"] = status
    entry["response"]["content"].update(text=text, size=len(text.encode()))


def wrong(entry: Entry) -> Entry:
    """The refused exchange with an answer that deviates."""
    found = copy.deepcopy(entry)
    answer(found, 200, '{"data": []}')
    return found


def headers(owner: Entry, **values: str) -> None:
    owner["headers"] += [{"name": n.replace("_", "-"), "value": v} for n, v in values.items()]


def without(entry: Entry, name: str) -> None:
    kept = [each for each in entry["request"]["headers"] if each["name"].lower() != name]
    entry["request"]["headers"] = kept


# --- Bodies that were not recorded, or not as a whole ---


def sent(entry: Entry) -> Entry:
    found: Entry = entry["request"]["postData"]
    return found


def cut_sent(entry: Entry) -> None:
    sent(entry)["text"] = sent(entry)["text"][:20]


def no_sent(size: Any) -> Callable[[Entry], None]:
    def edit(entry: Entry) -> None:
        del entry["request"]["postData"]
        entry["request"]["bodySize"] = size

    return edit


def no_size_and_length(entry: Entry) -> None:
    del entry["request"]["postData"]
    del entry["request"]["bodySize"]
    without(entry, "content-length")


def no_received(**content: Any) -> Callable[[Entry], None]:
    def edit(entry: Entry) -> None:
        entry["response"]["content"] = {"mimeType": "application/json", **content}

    return edit


def damaged_gzip(entry: Entry) -> None:
    headers(entry["response"], Content_Encoding="gzip")
    text = gzip.compress(b'{"data": []}').decode("utf-8", "replace")
    entry["response"]["content"]["text"] = text


def cut_gzip(entry: Entry) -> None:
    raw = gzip.compress(b'{"data": []}')[:-9]
    text = base64.b64encode(raw).decode()
    entry["response"]["content"].update(text=text, encoding="base64")


NOT_RECORDED: dict[str, tuple[Callable[[Entry], None], str]] = {
    "a size without a body": (no_sent(57), "what was sent was not recorded"),
    "a size of -1": (no_sent(-1), "what was sent was not recorded"),
    "a size of 0 and a length": (no_sent(0), "what was sent was not recorded"),
    "no size": (no_size_and_length, "what was sent was not recorded"),
    "a marker": (lambda e: sent(e).update(text="[redacted]"), "what was sent was not recorded"),
    "a cut body": (cut_sent, "what was sent was cut by the recorder"),
    "an absent file": (lambda e: sent(e).update(_file="absent.json"), "its file 'absent.json' is"),
    "a file outside": (lambda e: sent(e).update(_file="../../etc/passwd"), "is not with the"),
    "no answer's body": (no_received(size=12), "the answer's body was not recorded"),
    "an answer of size -1": (no_received(size=-1), "the answer's body was not recorded"),
    "an answer of no size": (no_received(), "the answer's body was not recorded"),
    "an answer of size 0 with a length": (no_received(size=0), "the answer's body was not"),
    "a cut answer": (no_received(text='{"data": [', size=99), "the answer's body was cut"),
    "a noted cut": (no_received(text="{", comment="Truncated"), "the answer's body was cut"),
    "no base64": (no_received(text="?", encoding="base64"), "its text is not base64"),
    "a damaged gzip": (damaged_gzip, "is still compressed, and was damaged"),
    "a cut gzip": (cut_gzip, "or was cut"),
    "no answer": (lambda e: e.update(response=None), "no answer came"),
    "an answer of a cache": (lambda e: e.update(_fromCache="disk"), "the browser's cache"),
    "headers that are null": (
        lambda e: e["request"].update(headers=None),
        "has no headers of the request",
    ),
}


@pytest.mark.parametrize("name", NOT_RECORDED)
def test_weigh_exchange_without_a_part_leaves_it_out_by_name(
    name: str, visit: list[Entry], tmp_path: Path
) -> None:
    edit, reason = NOT_RECORDED[name]
    entry = wrong(visit[REFUSED])
    edit(entry)
    evidence = judged(tmp_path, [*visit[:REFUSED], entry])
    assert rules(evidence) == []
    assert evidence.judged[-1].verdict is Verdict.SKIPPED
    assert reason in str(evidence.judged[-1].reason)


def test_weigh_recorder_that_keeps_no_bodies_is_not_blamed(
    visit: list[Entry], tmp_path: Path
) -> None:
    entries = copy.deepcopy(visit)
    for entry in entries:
        entry["request"].pop("postData", None)
        entry["request"]["bodySize"] = 0
        without(entry, "content-length")
        entry["response"]["content"] = {"size": 0, "mimeType": "application/json"}
    evidence = judged(tmp_path, entries)
    assert {each.verdict for each in evidence.judged} == {Verdict.SKIPPED}


def in_file(entry: Entry, folder: Path) -> None:
    (folder / "bodies").mkdir(exist_ok=True)
    (folder / "bodies/answer.json").write_text(entry["response"]["content"].pop("text"))
    entry["response"]["content"].update(_file="bodies/answer.json", size=-1)


def encoded(name: str, compress: Callable[[bytes], bytes]) -> Callable[[Entry, Path], None]:
    def edit(entry: Entry, _: Path) -> None:
        content = entry["response"]["content"]
        headers(entry["response"], Content_Encoding=name)
        raw = compress(content["text"].encode())
        content.update(text=base64.b64encode(raw).decode(), encoding="base64")

    return edit


def base64_sent(entry: Entry, _: Path) -> None:
    """As some proxies write it; HAR has no field that says so."""
    raw = sent(entry)["text"].encode()
    entry["request"]["bodySize"] = len(raw)
    sent(entry)["text"] = base64.b64encode(raw).decode()


def headers_as_object(entry: Entry, _: Path) -> None:
    for side in ("request", "response"):
        entry[side]["headers"] = {e["name"]: e["value"] for e in entry[side]["headers"]}


def pretty(entry: Entry, _: Path) -> None:
    """Some recorders write JSON again; it is shorter than it was, and complete."""
    content = entry["response"]["content"]
    content["text"] = json.dumps(json.loads(content["text"]), separators=(",", ":"))


RECORDED: dict[str, Callable[[Entry, Path], None]] = {
    "as it is": lambda *_: None,
    "gzip": encoded("gzip", gzip.compress),
    "deflate": encoded("deflate", zlib.compress),
    "br": encoded("br", brotli.compress),
    "zstd": encoded("zstd", zstd.compress),
    "gzip of br": encoded("br, gzip", lambda raw: gzip.compress(brotli.compress(raw))),
    "a header of an encoding, and an opened body": lambda entry, _: headers(
        entry["response"], Content_Encoding="br"
    ),
    "base64 of a request": base64_sent,
    "headers as an object": headers_as_object,
    "JSON written again": pretty,
    "an attached file": in_file,
    "a status as a string": lambda entry, _: entry["response"].update(status="200"),
}


@pytest.mark.parametrize("name", RECORDED)
def test_weigh_body_in_any_form_is_judged(name: str, visit: list[Entry], tmp_path: Path) -> None:
    entry = wrong(visit[REFUSED])
    RECORDED[name](entry, tmp_path)
    assert rules(judged(tmp_path, [*visit[:REFUSED], entry])) == ["more-than-one-customer"]


@pytest.mark.parametrize("compress", [gzip.compress, brotli.compress, zstd.compress])
def test_opened_body_that_grows_beyond_bounds_is_refused(
    compress: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encodings, "MAX_OPENED", 1000)
    name = {gzip.compress: "gzip", brotli.compress: "br", zstd.compress: "zstd"}[compress]
    assert encodings.opened(compress(b"a" * 1000), name) == b"a" * 1000
    with pytest.raises(StillCompressedError, match="opens to more than"):
        encodings.opened(compress(b"a" * 1001), name)


# --- Entries that are not of the contract, or broken ---

FOREIGN: list[Any] = [
    None,
    [],
    "text",
    {},
    {"request": None},
    {"request": {"method": "GET", "url": 5}},
    {"request": {"method": "GET", "url": "http://[broken/v2/carts"}},
    {"request": {"method": "GET", "url": "https://cdn.example.com/a.js", "headers": None}},
    {"request": {"method": "GET", "url": "https://cdn.example.com/a.js", "headers": {"a": 1}},
     "response": {"content": {"text": "?", "encoding": "base64"}}},
    {"request": {"method": "GET", "url": "data:,x", "headers": [5, {"name": None}]},
     "response": 7},
    {"request": {"method": "GET", "url": "https://cdn.example.com/", "cookies": 5,
                 "queryString": {"a": None}, "postData": []}, "startedDateTime": 5},
]  # fmt: skip


def test_weigh_foreign_entries_however_broken_do_not_end_the_run(
    visit: list[Entry], tmp_path: Path
) -> None:
    evidence = judged(tmp_path, [*FOREIGN, *visit[:REFUSED], wrong(visit[REFUSED])])
    assert rules(evidence) == ["more-than-one-customer"]
    assert evidence.others == len(FOREIGN)
    assert [each.pointer for each in evidence.broken] == [f"/log/entries/{at}" for at in range(7)]
    assert "has an invalid url" in evidence.broken[-1].reason


def test_command_names_broken_entries(visit: list[Entry], tmp_path: Path) -> None:
    path = tmp_path / "recording.har"
    path.write_text(json.dumps(har([*FOREIGN, *visit]), indent=1))
    text = run(path, "--alone").stdout
    assert "Entries that cannot be read, and were left out: 7." in text
    assert "/log/entries/4 has no request" in text


def test_weigh_lone_surrogates_and_nan_are_read(visit: list[Entry], tmp_path: Path) -> None:
    path = tmp_path / "recording.har"
    text = json.dumps(har([*visit[:REFUSED], wrong(visit[REFUSED])]))
    path.write_text(text.replace('"a test"', '"\\ud800", "x": NaN'))
    assert rules(weighed(path)) == ["more-than-one-customer"]


def test_command_everything_left_out_exits_2_and_says_why(
    visit: list[Entry], tmp_path: Path
) -> None:
    entries = copy.deepcopy(visit)
    for entry in entries:
        del entry["response"]["content"]["text"]
    path = tmp_path / "recording.har"
    path.write_text(json.dumps(har(entries)))
    result = run(path)
    assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (2, "", 1)
    assert "were left out: 13 times: the answer's body was not recorded" in result.stderr


# --- Order, and what others may have done ---


def test_weigh_entries_in_another_order_are_judged_by_their_times(
    visit: list[Entry], tmp_path: Path
) -> None:
    entries = [*visit[:REFUSED], wrong(visit[REFUSED])]
    entries = copy.deepcopy(entries)
    for second, entry in enumerate(entries):
        entry["startedDateTime"] = entry["startedDateTime"][:17] + f"{second:02}.000+00:00"
    evidence = judged(tmp_path, entries[::-1])
    assert rules(evidence) == ["more-than-one-customer"]
    assert evidence.judged[0].recorded.pointer == "/log/entries/12"
    assert all(each.verdict is not Verdict.UNTESTABLE for each in evidence.judged)


def test_weigh_alone_forgets_what_a_left_out_exchange_may_have_changed(
    visit: list[Entry], tmp_path: Path
) -> None:
    entries = copy.deepcopy(visit)
    answer(entries[SHARED], 404, '{"errors": [{"status": 404, "title": "Cart not found"}]}')
    assert rules(judged(tmp_path, entries)) != []
    removed = copy.deepcopy(entries[SHARED])
    removed["request"].update(method="DELETE", url="http://mock/v2/carts/weekend-list")
    removed["response"] = None
    assert rules(judged(tmp_path, [*entries[:SHARED], removed, *entries[SHARED:]])) == []


@pytest.mark.parametrize("alone", [True, False])
def test_weigh_list_with_a_cart_that_only_others_have_is_found(
    alone: bool, visit: list[Entry], tmp_path: Path
) -> None:
    page = load_contract().example("cart-page")
    for at, cart in enumerate(page["data"]):
        cart["id"] = f"others-{at}"
        cart["relationships"]["customers"] = {"data": [{"type": "customer", "id": "another"}]}
    listed = copy.deepcopy(visit[SHARED])
    listed["request"].update(method="GET", url="http://mock/v2/carts", bodySize=0)
    del listed["request"]["postData"]
    without(listed, "content-length")
    without(listed, "content-type")
    answer(listed, 200, json.dumps(page))
    assert "others-cannot-see" in rules(judged(tmp_path, [*visit, listed], alone=alone))


@pytest.mark.parametrize("alone", [True, False])
def test_weigh_object_body_answered_403_is_judged_by_its_own_rule(
    alone: bool, visit: list[Entry], tmp_path: Path
) -> None:
    entry = copy.deepcopy(visit[SHARED])
    body = json.loads(sent(entry)["text"])
    sent(entry)["text"] = json.dumps({"data": body["data"][0]})
    entry["request"]["bodySize"] = len(sent(entry)["text"])
    for title, expected in (
        ("Invalid json payload", []),
        ("Customer does not have the required permissions", ["payload-not-array"]),
    ):
        answer(entry, 403, json.dumps({"errors": [{"status": 403, "title": title}]}))
        assert rules(judged(tmp_path, [*visit[:SHARED], entry], alone=alone)) == expected


# --- Archives, and files of other kinds ---


def test_read_recording_zip_with_attached_bodies_is_judged(
    visit: list[Entry], tmp_path: Path
) -> None:
    entry = wrong(visit[REFUSED])
    text = entry["response"]["content"].pop("text")
    entry["response"]["content"].update(_file="8c1f.json", size=-1)
    path = tmp_path / "recording.har.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("har.har", json.dumps(har([*visit[:REFUSED], entry])))
        archive.writestr("8c1f.json", text)
    assert rules(weighed(path)) == ["more-than-one-customer"]


def test_read_recording_gzip_is_judged(visit: list[Entry], tmp_path: Path) -> None:
    path = tmp_path / "recording.har.gz"
    path.write_bytes(gzip.compress(json.dumps(har([wrong(visit[REFUSED])])).encode()))
    assert len(weighed(path).judged) == 1


def zip_of(folder: Path, *names: str) -> bytes:
    path = folder / "made.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "{}")
    return path.read_bytes()


OTHER_FILES: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "mitmproxy": (
        lambda _: b"1422:9:websocket;0:~8:response;386:6:reason;0:,11:status_code;3:200#",
        "is a mitmproxy flow file; write it as HAR first: mitmdump -nr FILE --set hardump=out.har",
    ),
    "Postman": (
        lambda _: b'{"info": {"_postman_id": "1", "name": "c"}, "item": []}',
        "is a Postman collection: requests to send, not traffic",
    ),
    "Newman": (lambda _: b'{"run": {"executions": []}}', "is a report of Newman"),
    "Charles": (
        lambda _: b'[{"scheme": "https", "host": "a", "request": {}, "response": {}}]',
        "is a session of Charles",
    ),
    "Chrome": (lambda _: b'{"constants": {}, "events": []}', "is a network log of Chrome"),
    "a capture": (lambda _: b"\xd4\xc3\xb2\xa1\x02\x00", "is a packet capture"),
    "Burp": (lambda _: b"<?xml version='1.0'?><items/>", "is XML or HTML"),
    "OpenAPI": (lambda _: b'{"openapi": "3.1.0"}', "is an OpenAPI document"),
    "Fiddler": (lambda f: zip_of(f, "raw/1_c.txt", "[Content_Types].xml"), "is a Fiddler archive"),
    "a trace": (lambda f: zip_of(f, "trace.trace"), "is a Playwright trace"),
    "a zip": (lambda f: zip_of(f, "a.txt"), "is a zip without a .har file"),
    "a broken zip": (lambda _: b"PK\x03\x04....", "cannot be read"),
    "a broken gzip": (lambda _: b"\x1f\x8b....", "cannot be read"),
    "nothing": (lambda _: b" \n", "is empty"),
}


@pytest.mark.parametrize("name", OTHER_FILES)
def test_command_file_of_another_kind_gets_the_right_advice(name: str, tmp_path: Path) -> None:
    make, advice = OTHER_FILES[name]
    path = tmp_path / "recording"
    path.write_bytes(make(tmp_path))
    result = run(path)
    assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (2, "", 1)
    assert advice in result.stderr


# --- Secrets ---

_PARTS = [
    base64.urlsafe_b64encode(part).decode().rstrip("=")
    for part in (b'{"alg":"HS256"}', b'{"sub":"canary"}')
]
JWT = ".".join([*_PARTS, "c4n4ryc4n4ry"])


def basic(entry: Entry, canary: str) -> None:
    value = base64.b64encode(f"user:{canary}".encode()).decode()
    headers(entry["request"], Proxy_Authorization=f"Basic {value}")


def in_url(template: str) -> Callable[[Entry, str], None]:
    def edit(entry: Entry, canary: str) -> None:
        entry["request"]["url"] = template.format(
            quote(canary, safe="+"),
            url=entry["request"]["url"],
            path=entry["request"]["url"][len("http://") :],
        )

    return edit


def request_header(name: str, template: str = "{}") -> Callable[[Entry, str], None]:
    return lambda e, canary: headers(e["request"], **{name: template.format(canary)})


def response_header(name: str, template: str = "{}") -> Callable[[Entry, str], None]:
    return lambda e, canary: headers(e["response"], **{name: template.format(canary)})


def cut_password(entry: Entry, canary: str) -> None:
    sent(entry)["text"] = f'{{"data": {{"type": "token", "password": "{canary}'
    entry["request"]["bodySize"] = 500


def left_out(entry: Entry, canary: str) -> None:
    headers(entry["request"], Authorization=f"Bearer {canary}")
    entry["_fromCache"] = "disk"


# Each puts a canary in one place of an entry.
PLACES: dict[str, Callable[[Entry, str], None]] = {
    "the URL's password": in_url("http://user:{0}@{path}"),
    "the query": in_url("{url}?access_token={0}"),
    "a key in the query": in_url("{url}?api_key={0}"),
    "the fragment": in_url("{url}#token={0}"),
    "Authorization": request_header("Authorization", "Bearer {}"),
    "Basic": basic,
    "a cookie": request_header("Cookie", "theme=dark; session={}"),
    "Set-Cookie": response_header("Set-Cookie", "session={}; Path=/; HttpOnly"),
    "an API key": request_header("X-Api-Key"),
    "the account header": request_header("EP-Account-Management-Authentication-Token"),
    "the customer header": request_header("X-Moltin-Customer-Token"),
    "Referer": request_header("Referer", "https://shop.example.com/?token={}"),
    "Location": response_header("Location", "https://shop.example.com/#access_token={}"),
    "cookies of the request": lambda e, c: e["request"].update(
        cookies=[{"name": "s", "value": c}]
    ),
    "cookies of the response": lambda e, c: e["response"].update(
        cookies=[{"name": "s", "value": c}]
    ),
    "queryString": lambda e, c: e["request"].update(
        queryString=[{"name": "client_secret", "value": c}]
    ),
    "redirectURL": lambda e, c: e["response"].update(redirectURL=f"https://a/?token={c}"),
    "params": lambda e, c: sent(e).update(params=[{"name": "password", "value": c}]),
    "a body": lambda e, c: sent(e).update(text=json.dumps({"data": {"password": c}})),
    "a form": lambda e, c: sent(e).update(text=f"grant_type=implicit&client_secret={c}"),
    "a body in base64": lambda e, c: sent(e).update(
        text=base64.b64encode(json.dumps({"password": c}).encode()).decode()
    ),
    "a cut body": cut_password,
    "an answer": lambda e, c: answer(e, 200, json.dumps({"data": {"token": c}})),
    "an answer in base64": lambda e, c: e["response"]["content"].update(
        text=base64.b64encode(json.dumps({"access_token": c}).encode()).decode(),
        encoding="base64",
    ),
    "a compressed answer": lambda e, c: e["response"]["content"].update(
        text=base64.b64encode(gzip.compress(json.dumps({"token": c}).encode())).decode(),
        encoding="base64",
    ),
    "an answer that is left out": left_out,
}  # fmt: skip


@pytest.fixture(scope="module")
def leaks(visit: list[Entry], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the command prints, in each format, about a HAR with a canary in every place.

    The answers repeat all canaries, as a server that echoes what it got. JWTs stand in a fragment
    and in the title of an answer, where only their shape says it.
    """
    canaries = {name: f"cAnArY{at:02}-9f3a/x+y" for at, name in enumerate(PLACES)}
    entries = []
    for name, put in PLACES.items():
        entry = copy.deepcopy(visit[REFUSED])
        entry["request"]["url"] = entry["request"]["url"].replace("weekend-list", f"list-{name}")
        put(entry, canaries[name])
        entries.append(entry)
    echo = copy.deepcopy(visit[REFUSED])
    title = f"You sent {' '.join(canaries.values())} {JWT}"
    answer(echo, 403, json.dumps({"errors": [{"status": 403, "title": title}]}))
    echo["request"]["url"] += f"#filter={JWT}&x={canaries['a cookie']}"
    path = tmp_path_factory.mktemp("leaks") / "recording.har"
    path.write_text(json.dumps(har([*visit[:REFUSED], *entries, echo]), indent=1))
    forms = ("text", "json", "sarif", "github", "markdown")
    found = {form: run(path, "--strict", "--format", form) for form in forms}
    assert {each.exit_code for each in found.values()} == {1}
    return {form: result.stdout for form, result in found.items()}


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github", "markdown"])
def test_command_canary_in_any_place_of_a_har_is_never_repeated(
    form: str, leaks: dict[str, str]
) -> None:
    assert "You sent" in leaks[form], leaks[form][-3000:]
    assert "cAnArY" not in leaks[form]
    assert "c4n4ry" not in leaks[form]
