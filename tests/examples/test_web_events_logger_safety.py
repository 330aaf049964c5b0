"""The web events logger: nothing in an event is markup, and no other site changes anything."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from lxml import html

from clacks_events import connect, ensure_server
from tests.examples.conftest import StartSite
from tests.examples.site import CHANGES, Site, call

NASTY = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "</textarea></pre></style></title><svg/onload=alert(1)>",
    "<!--#exec--> {{7*7}} &lt;b&gt; &amp;quot; ]]> %3Cscript%3E //evil.example",
]


@pytest.fixture(scope="module")
def shared() -> Iterator[Site]:
    """A logger that shows one event; all tests here share it, and none leaves it changed."""
    with (
        ensure_server("zmq://127.0.0.1:0") as server,
        connect(server.url, source="pbx") as bus,
        Site(server.url) as site,
    ):
        bus.publish(call("secret"))
        site.wait_for("secret")
        yield site


@pytest.fixture
def site(shared: Site) -> Iterator[Site]:
    """The same, looked after: who changes something has to undo it."""
    before = shared.state()
    yield shared
    assert shared.state() == before
    assert shared.program.err == ""


def assert_inert(found: httpx.Response) -> None:
    """Check that nothing in a page is markup but what the page is made of."""
    page = html.document_fromstring(found.text)
    tags = "html head meta title style body header strong a main h1 p em form label input button"
    tags += " datalist option table thead tbody tr th td time details summary pre"
    names = "lang charset name content href action method value list id type"
    for each in page.iter():
        assert each.tag in tags.split(), found.text
        assert set(each.keys()) <= set(names.split()), found.text
        for name in ("href", "action"):
            assert re.match(r"/(?![/\\])|$", each.get(name, "")), found.text
    assert found.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha")


def test_nothing_in_an_event_is_markup(start: StartSite, zmq_url: str) -> None:
    site = start(zmq_url)
    for number, nasty in enumerate(NASTY, 1):
        with connect(zmq_url, source=nasty) as bus:
            bus.publish(call(nasty, ReceiverId=f"{nasty}\u202e\x9b1m"))
        site.wait_for(r"\u202e\x9b1m", times=number)

    found = site.get("/")
    assert_inert(found)
    assert not {"\u202e", "\x9b"} & {*found.text, *site.get("/", fmt="plain").text}
    page = html.document_fromstring(found.text)
    assert [each.text for each in page.findall(".//td[2]/a")] == NASTY[::-1]
    for nasty, summary in zip(NASTY[::-1], page.findall(".//summary"), strict=True):
        text = summary.text_content()
        assert text.startswith(f"CallerId: {nasty[:60]}, ReceiverId: {nasty[:60]}")
        shown = site.page("/", sender=nasty)
        assert shown.forms[0].fields["sender"] == nasty
        assert len(shown.findall(".//summary")) == 1


@pytest.mark.parametrize("nasty", NASTY)
def test_nothing_in_a_parameter_is_markup(nasty: str, site: Site) -> None:
    for path, names in {
        "/": ("sender", "event", "fmt", nasty),
        "/add": ("sender", "event"),
        "/remove": ("sender", "event"),
        "/config": ("limit",),
        "/clear": (nasty,),
        "/regs": (nasty,),
    }.items():
        for name in names:
            assert_inert(site.get(path, **{name: nasty}))
    for path, name in (("/add", "event"), ("/rem", "sender"), ("/cfg", "limit")):
        found = site.client.post(path, data={"token": site.token, name: nasty})
        assert found.status_code in (404, 422)
        assert_inert(found)
    assert site.post("/add", sender=nasty).status_code == 303
    assert_inert(site.get("/regs"))
    assert [nasty, "any"] in site.registrations()
    assert site.post("/remove", sender=nasty).status_code == 303
    assert_inert(site.get(f"/{nasty.replace('/', '')}"))


def test_a_get_changes_nothing(site: Site) -> None:
    before = site.state()
    for path in CHANGES:
        for method in ("GET", "HEAD"):
            given = {"sender": "x", "event": "PhoneStatus"} if path in ("/add",) else {}
            given |= {"limit": "1"} if path in ("/config", "/cfg") else {}
            assert site.client.request(method, path, params=given).status_code == 200
        token = {"token": site.token}
        assert site.client.get(path, params=token).status_code == 422
        assert site.client.put(path, data=token).status_code == 405
    assert site.state() == before


def test_a_get_shows_the_form_that_does_it(site: Site) -> None:
    form = site.page("/add", sender="x", event="PhoneStatus").forms[0]
    assert (form.method, form.get("action")) == ("POST", "/add")
    sent = {name: value or "" for name, value in form.fields.items()}
    found = site.client.post("/add", data=sent, headers={"Origin": site.url})
    assert (found.status_code, found.headers["location"]) == (303, "/regs")
    assert site.registrations() == [["any", "any"], ["x", "PhoneStatus"]]
    site.post("/remove", sender="x", event="PhoneStatus")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "HERE", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_another_site_changes_nothing_even_with_the_token(
    headers: dict[str, str], site: Site
) -> None:
    given = {name: value.replace("HERE", site.url) for name, value in headers.items()}

    for path in CHANGES:
        assert site.post(path, given).status_code == 403


def test_no_token_no_change(site: Site) -> None:
    for token in (
        {"token": ""},
        {"token": "x"},
        {"token": "ü"},
        {"token": site.token[:-1]},
    ):
        for path in CHANGES:
            headers = {"Origin": site.url, "Sec-Fetch-Site": "same-origin"}
            assert site.client.post(path, data=token, headers=headers).status_code == 403


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "evil.example:80", "localhost@evil", "", "[::2]"],
)
def test_a_foreign_name_is_refused(host: str, site: Site) -> None:
    for path in ("/", "/regs", "/add", "/nothing"):
        found = site.client.get(path, headers={"Host": host})
        assert found.status_code == 403
        assert "secret" not in found.text
        assert "token" not in found.text
    headers = {"Host": host, "Origin": f"http://{host}"}
    assert site.post("/clear", headers).status_code == 403


def test_it_goes_by_the_names_of_this_machine_and_those_given(
    start: StartSite, zmq_url: str
) -> None:
    site = start(zmq_url, "--host", "Desk.example")
    for host in ("localhost", "LOCALHOST:1", "[::1]:8000", "127.0.0.1", "desk.example:8000"):
        assert site.client.get("/", headers={"Host": host}).status_code == 200
        same = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
        assert site.post("/clear", same).status_code == 303
    assert site.program.err == ""


def test_every_answer_has_the_headers(site: Site) -> None:
    bad_host = site.client.get("/", headers={"Host": "x"})
    answers = [site.get("/"), site.get("/", fmt="plain"), site.get("/x"), bad_host]
    answers += [
        site.post("/config", limit="100"),
        site.client.delete("/add"),
        site.client.post("/add"),
    ]

    assert [each.status_code for each in answers] == [200, 200, 404, 403, 303, 405, 415]
    for each in answers:
        policy = each.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "form-action 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script-src" not in policy
        assert each.headers["x-content-type-options"] == "nosniff"
        # no-referrer would make browsers say "Origin: null" for the page's own forms.
        assert each.headers["referrer-policy"] == "same-origin"
        assert each.headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in each.headers


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        ("token=TOKEN&sender=" + "x" * 9000, "application/x-www-form-urlencoded", 413),
        ("token=TOKEN&sender=" + "x" * 501, "application/x-www-form-urlencoded", 422),
        ("token=TOKEN&sender=a&sender=b", "application/x-www-form-urlencoded", 422),
        ("token=TOKEN&senders=a", "application/x-www-form-urlencoded", 422),
        ("token=TOKEN&sender=%ff", "application/x-www-form-urlencoded", 422),
        ("token=TOKEN&sender=a%0ab", "application/x-www-form-urlencoded", 422),
        ("token=TOKEN" + "&a=1" * 10, "application/x-www-form-urlencoded", 422),
        ("token=TOKEN", "text/plain", 415),
        ("token=TOKEN", "multipart/form-data", 415),
    ],
)
def test_forms_that_are_none_are_refused(content: str, kind: str, status: int, site: Site) -> None:
    data = content.replace("TOKEN", site.token)
    found = site.client.post("/add", content=data, headers={"Content-Type": kind})

    assert found.status_code == status
    assert_inert(found)
