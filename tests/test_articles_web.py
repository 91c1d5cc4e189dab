"""Articles from URLs: real servers on loopback, and the addresses that are refused."""

import gzip
import shutil
import ssl
import subprocess
import time
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer
from werkzeug import Response

from classifier.articles import ReadOptions, read_incidents
from classifier.articles.addresses import is_public
from classifier.articles.web import fetch
from classifier.errors import InputError

HOME = ["127.0.0.1", "::1"]
TODAY = date(2026, 1, 1)
SENTENCE = "The bank's timer overflowed, and payments stopped for a long day in the north. "
PAGE = f"<html><head><title>Bank</title></head><body><article><p>{SENTENCE * 6}</p></article>"


def options(**changes: object) -> ReadOptions:
    return ReadOptions(today=TODAY, **({"allow_private": True, "timeout": 5.0} | changes))


def local(host: str, port: int) -> list[str]:
    return HOME


def refusal(url: str, resolve=local, **changes: object) -> str:
    with pytest.raises(InputError) as caught:
        fetch(url, options(**changes), resolve)
    return str(caught.value)


PUBLIC = ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "64:ff9b::808:808", "2002:808:808::1"]
NOT_PUBLIC = [
    "10.0.0.1", "172.16.0.1", "192.168.1.1", "127.0.0.1", "127.9.9.9", "169.254.169.254",
    "100.64.0.1", "0.0.0.0", "224.0.0.1", "233.252.0.1", "240.0.0.1", "255.255.255.255",
    "192.0.2.1", "198.18.0.1", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fec0::1",
    "ff02::1", "ff0e::1", "2001:db8::1", "2001::1", "::ffff:10.0.0.1", "::ffff:8.8.8.8",
    "::8.8.8.8", "64:ff9b::a00:1", "64:ff9b::7f00:1", "64:ff9b:1::808:808", "2002:7f00:1::",
    "2002:a00:1::1", "4000::1", "", "example.org", "2130706433", "0x7f.1", "8.8.8.8/32",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address):
    assert is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_not_public(address):
    assert not is_public(address)


def test_a_page_is_read(httpserver: HTTPServer):
    httpserver.expect_request("/news/bank").respond_with_data(PAGE, content_type="text/html")
    reading = read_incidents([httpserver.url_for("/news/bank")], options())
    found = reading.incidents[0].articles[0]
    assert (found.title, found.url) == ("Bank", httpserver.url_for("/news/bank"))
    assert found.id.endswith("-news-bank")
    assert found.source.startswith("localhost")


@pytest.mark.parametrize(
    ("body", "content_type", "title"),
    [
        (b"Head\n\nBody", "text/plain", "Head"),
        ("Größe\n\nBody".encode("latin-1"), "text/plain; charset=ISO-8859-1", "Größe"),
        ("Größe\n\nBody".encode(), "text/plain; charset=zlib", "Größe"),
        (b'{"text": "a", "title": "T"}', "Application/JSON", "T"),
        (PAGE.encode(), "application/xhtml+xml; charset=utf-8", "Bank"),
    ],
)
def test_content_types(httpserver: HTTPServer, body, content_type, title):
    httpserver.expect_request("/").respond_with_data(body, content_type=content_type)
    found = read_incidents([httpserver.url_for("/")], options()).incidents[0].articles[0]
    assert (found.title, found.url) == (title, httpserver.url_for("/"))


def test_redirects_are_followed(httpserver: HTTPServer):
    headers = {"Location": "/b"}
    httpserver.expect_request("/a").respond_with_data("", 302, headers)
    httpserver.expect_request("/b").respond_with_data("words", content_type="text/plain")
    page = fetch(httpserver.url_for("/a"), options())
    assert (page.data, page.kind, page.url) == (b"words", "text", httpserver.url_for("/b"))


def test_a_redirect_loop(httpserver: HTTPServer):
    httpserver.expect_request("/a").respond_with_data("", 302, {"Location": "/a"})
    assert "more than 5 redirects" in refusal(httpserver.url_for("/a"))
    assert len(httpserver.log) == 6


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("file:///etc/passwd", "is not a web address"),
        ("ftp://example.org/", "is not a web address"),
        ("http://user:secret@localhost/", "user name or a password"),
    ],
)
def test_each_hop_is_checked(httpserver: HTTPServer, target, says):
    httpserver.expect_request("/a").respond_with_data("", 302, {"Location": target})
    assert says in refusal(httpserver.url_for("/a"))


@pytest.mark.parametrize(
    ("status", "headers", "body", "says"),
    [
        (404, {}, "gone", "status 404"),
        (500, {}, "", "status 500"),
        (304, {}, "", "status 304"),
        (200, {"Content-Type": "image/png"}, "x", "content type is 'image/png'"),
        (200, {"Content-Type": ""}, "x", "an article is one of text/html"),
        (200, {"Content-Type": "text/plain"}, "x" * 1001, "larger than 1000 bytes"),
        (
            200,
            {"Content-Type": "text/plain", "Content-Encoding": "gzip"},
            "x" * 99,
            "transfer failed",
        ),
    ],
)
def test_unusable_answers(httpserver: HTTPServer, status, headers, body, says):
    httpserver.expect_request("/").respond_with_data(body, status, headers)
    assert says in refusal(httpserver.url_for("/"), max_bytes=1000)


def test_a_compressed_bomb(httpserver: HTTPServer):
    headers = {"Content-Type": "text/plain", "Content-Encoding": "gzip"}
    httpserver.expect_request("/").respond_with_data(gzip.compress(b"x" * 10**7), 200, headers)
    assert "larger than 2000000 bytes" in refusal(httpserver.url_for("/"), max_bytes=2_000_000)


def test_a_slow_drip_ends_at_the_deadline(httpserver: HTTPServer):
    def drip(request) -> Response:
        return Response(slow(), content_type="text/plain")

    def slow():
        for _ in range(10):
            time.sleep(0.1)
            yield b"x"

    httpserver.expect_request("/").respond_with_handler(drip)
    start = time.monotonic()
    assert "not read within 0.3 seconds" in refusal(httpserver.url_for("/"), timeout=0.3)
    assert time.monotonic() - start < 0.9


def test_a_slow_resolver_ends_at_the_deadline():
    def slow(host: str, port: int) -> list[str]:
        time.sleep(1)
        return ["127.0.0.1"]

    assert "not read within 0.1 seconds" in refusal("http://news.example/", slow, timeout=0.1)


def test_a_refused_connection():
    with HTTPServer() as server:
        url = server.url_for("/")
    assert "no connection" in refusal(url)


def test_an_unknown_host():
    def unknown(host: str, port: int) -> list[str]:
        raise OSError("Name or service not known")

    assert "no such host" in refusal("http://news.invalid/", unknown)
    assert "no connection" in refusal("http://news.invalid/", lambda host, port: [])


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]"]
)
def test_private_addresses_need_the_flag(httpserver: HTTPServer, host):
    url = f"http://{host}:{httpserver.port}/"
    reading = read_incidents([url], options(allow_private=False))
    message = str(reading.failures[0][1])
    assert "--allow-private" in message
    assert not httpserver.log


def test_one_private_address_among_public_ones_is_enough():
    def mixed(host: str, port: int) -> list[str]:
        return ["93.184.216.34", "10.0.0.1"]

    assert "10.0.0.1" in refusal("http://news.example/", mixed, allow_private=False)


def test_a_redirect_to_a_private_address(httpserver: HTTPServer, monkeypatch):
    def is_home(address: str) -> bool:
        return address in HOME

    def resolve(host: str, port: int) -> list[str]:
        return HOME if host == "news.example" else ["169.254.169.254"]

    monkeypatch.setattr("classifier.articles.guarding.is_public", is_home)
    location = {"Location": "http://metadata.example/"}
    httpserver.expect_request("/").respond_with_data("", 302, location)
    message = refusal(f"http://news.example:{httpserver.port}/", resolve, allow_private=False)
    assert "metadata.example is at the address 169.254.169.254, which is not public" in message


def test_the_checked_address_is_the_one_connected_to(httpserver: HTTPServer):
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return HOME if len(asked) == 1 else ["10.0.0.1"]

    httpserver.expect_request("/").respond_with_data("words", content_type="text/plain")
    page = fetch(f"http://news.example:{httpserver.port}/", options(), rebinding)
    assert (page.data, asked) == (b"words", ["news.example"])
    assert httpserver.log[0][0].host == f"news.example:{httpserver.port}"


@pytest.fixture
def certificate(tmp_path):
    if not shutil.which("openssl"):
        pytest.skip("openssl makes the certificate")
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
    names = ["-subj", "/CN=news.example", "-addext", "subjectAltName=DNS:news.example"]
    files = ["-keyout", str(key), "-out", str(cert)]
    subprocess.run([*made.split(), *names, *files], check=True, capture_output=True)
    return cert, key


def test_tls_is_checked_against_the_name_not_the_address(certificate):
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(*certificate)
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    with HTTPServer(ssl_context=serving) as server:
        server.expect_request("/").respond_with_data("words", content_type="text/plain")
        url = f"https://news.example:{server.port}/"
        assert fetch(url, options(), local, trusting).data == b"words"
        assert "no connection" in refusal(url)
        with pytest.raises(InputError, match="no connection"):
            fetch(url.replace("news.", "other."), options(), local, trusting)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("ftp://example.org/a", "is not a web address"),
        ("file:///etc/passwd", "is not a web address"),
        ("http://", "is not a web address"),
        ("http://[", "is not a web address"),
        ("ftp://user:secret@example.org/", "is not a web address"),
        ("http://a:99999/", "the port is 99999"),
        ("http://user:secret@example.org/", "user name or a password"),
        ("http://\x1b[31m/", "is not a web address"),
        ("http://" + "x" * 70_000, "is not a web address"),
    ],
)
def test_bad_urls(url, says):
    ((_, error),) = read_incidents([url], options()).failures
    assert says in str(error)
    assert str(error).isprintable()
    assert "secret" not in str(error)


@given(st.text(max_size=40))
def test_any_url_is_read_or_refused(rest):
    def nowhere(host: str, port: int) -> list[str]:
        raise OSError("nowhere")

    assert refusal(f"http://{rest}", nowhere)
