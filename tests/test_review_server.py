"""The server of a review: whom it lets in, what it takes, and what is then on the disk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from markupsafe import escape
from reviewing import QUOTE, RECIPES, Client, article, cake, gold, reviewed, run_folder
from run_folders import of_recipes

from classifier.batch.folder import RunFolder
from eval.gold import load_gold
from eval.gold_checking import check_gold
from eval.reviewing.names import annotator_folder, incident_key

KEY = incident_key("cake")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return run_folder(tmp_path)


@pytest.fixture
def outside(run: Path) -> Iterator[Client]:
    """A client that has not opened the address."""
    with reviewed(run) as client:
        yield client


@pytest.fixture
def client(outside: Client) -> Client:
    return outside.enter()


def files(run: Path) -> dict[str, bytes]:
    found = (run / "gold").rglob("*.json*") if (run / "gold").exists() else ()
    return {str(path.relative_to(run / "gold")): path.read_bytes() for path in found}


def test_the_address_lets_in_once(outside):
    path = outside.url.partition(str(outside.port))[2]
    first, second = outside.ask("GET", path), outside.ask("GET", path)
    assert first.status == 200
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(
        first.headers["Set-Cookie"].split("; ")[1:]
    )
    assert first.headers["Refresh"] == "0; url=/"
    assert (second.status, second.headers.get("Set-Cookie")) == (403, None)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
def test_without_the_cookie_there_is_nothing(outside, method):
    name = f"classifier_review_{outside.port}"
    known = ("/", "/?token=", "/?token=x", "/?token=%C3%A9", f"/incident/{KEY}/gold", "/x")
    for path in (*known, f"/incident/{KEY}"):
        for cookie in (f"{name}=x; a", f"{name}=", "", f"x={name}"):
            assert outside.ask(method, path, Cookie=cookie).status == 403


def test_the_token_is_not_spent_by_a_request_that_is_no_visit(outside):
    path = outside.url.partition(str(outside.port))[2]
    assert outside.ask("POST", path).status == 403
    assert outside.ask("GET", path, Host="attacker.example").status == 403
    assert outside.ask("GET", path).status == 200


@pytest.mark.parametrize("host", ["attacker.example", "127.0.0.1", "127.0.0.1:1", "", "localhost"])
def test_a_name_that_leads_here_is_refused(client, host):
    assert client.ask("GET", "/", Host=host).status == 403
    assert client.ask("GET", "/", Host=f"localhost:{client.port}").status == 200


@pytest.mark.parametrize(
    "head",
    [
        {"Origin": "http://attacker.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": ""},
        {"X_Review_Token": "x"},
        {"X_Review_Token": ""},
        {"Cookie": ""},
    ],
    ids=str,
)
def test_only_a_page_of_ours_may_save(client, run, head):
    assert client.save(gold(), **head).status == 403
    assert files(run) == {}
    assert client.save(gold()).status == 200


def test_answers_are_strict_about_what_a_browser_may_do(client):
    for path in ("/", f"/incident/{KEY}", f"/incident/{KEY}/gold", "/nothing"):
        head = client.ask("GET", path).headers
        assert "frame-ancestors 'none'" in head["Content-Security-Policy"]
        assert head["X-Content-Type-Options"] == "nosniff"
        assert head["Referrer-Policy"] == "no-referrer"
        assert head["Cache-Control"] == "no-store"
        assert "Python" not in head["Server"]


@pytest.mark.parametrize(
    "path",
    [
        "/incident/other",
        "/incident/..%2F..%2Fmanifest.json",
        "/../manifest.json",
        "//incident/x",
        f"/incident/{KEY}/gold/x",
        "/incident//gold",
        "/%00",
    ],
)
def test_only_known_incidents_have_pages(client, run, path):
    assert client.ask("GET", path).status == 404
    assert client.ask("POST", path, b"{}").status == 404
    assert files(run) == {}


def test_what_is_saved_is_gold_that_the_check_accepts(client, run):
    saved = client.save(gold())
    assert (saved.status, saved.json["labels"]) == (200, 2)
    found = load_gold(run / "gold" / "ann")
    [incident] = found.incidents
    assert incident.labels == {"course": ("main",), "garnish": None}
    assert incident.annotators == {"ann": incident.labels}
    assert [f for f in check_gold(found, RECIPES) if f.severity == "error"] == []


def test_two_people_have_a_file_each(client, run):
    client.save(gold())
    client.save(gold(name="Ann Ősz"))
    assert len(files(run)) == 2
    page = client.ask("GET", "/").text
    assert page.index(">ann<") != page.index(">Ann Ősz<")
    assert page.count("2 of 5") == 2


def test_what_was_saved_meanwhile_is_not_overwritten(client, run):
    first = client.save(gold()).json["etag"]
    before = files(run)
    late = client.save(gold(notes="late"))
    assert (late.status, late.json["etag"]) == (409, first)
    assert "still in this page" in late.json["errors"][0]
    assert files(run) == before
    second = client.save(gold(notes="next"), etag=first)
    assert client.save(gold(notes="late"), etag=first).status == 409
    assert client.ask("GET", f"/incident/{KEY}/gold?annotator=ann").json["gold"]["notes"] == "next"
    assert second.json["etag"] != first


def test_a_page_learns_what_was_saved_and_where_it_stands(tmp_path):
    run = run_folder(tmp_path, cake("before"), cake(), cake("after"))
    with reviewed(run) as outside:
        client = outside.enter()
        etag = client.save(gold()).json["etag"]
        told = client.ask("GET", f"/incident/{KEY}/gold?annotator=%20ann%20").json
        nobody = client.ask("GET", f"/incident/{KEY}/gold").json
    assert (told["etag"], told["gold"]["labels"]["course"]) == (etag, ["main"])
    assert (told["number"], told["of"], told["list"]) == (2, 3, "/")
    keys = (incident_key("before"), incident_key("after"))
    assert (told["previous"], told["next"]) == tuple(f"/incident/{key}" for key in keys)
    assert "gold" not in nobody


DEEP = b'{"id":' + b"[" * 100_000
OTHER = [article(text="Other.").model_dump(mode="json")]


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (b"", "not JSON"),
        (b'{"id": "cake"', "not JSON"),
        (b"\xff", "UTF-8"),
        (b"[]", "mapping"),
        (DEEP, "nested"),
        (b'{"id": 1, "id": 2}', "twice"),
        ({}, "missing"),
        (gold(extra=1), "extra is no key of gold"),
        (gold("other"), "'other'"),
        (gold(articles=OTHER), "articles"),
        (gold(labels={}, annotators={"ann": {}}), "labels"),
        (gold(labels={"course": ["soup"]}, annotators={"ann": {"course": ["soup"]}}), "'soup'"),
        (gold(annotators={}), "0 annotators"),
        (gold(annotators={"ann": {}, "bob": {}}), "2 annotators"),
        (gold(annotators={"ann": {"course": ["dessert"]}}), "not the labels"),
        (gold(name=""), "name"),
        (gold(name="  "), "name"),
        (gold(name="a\x00b"), "name"),
        (gold(name="a\u202eb"), "name"),
        (gold(name="x" * 101), "name"),
        (gold(name=" ann"), "Write it 'ann'"),
        (gold(reasons={"course": {"main": {"quotes": ["nobody wrote this"]}}}), "no article has"),
        (gold(reasons={"course": {"starter": {"rationale": "x"}}}), "not chosen"),
    ],
    ids=str,
)
def test_what_is_no_sound_gold_is_refused_with_reasons(client, run, sent, why):
    client.save(gold())
    before = files(run)
    refused = client.save(sent, etag="x")
    assert refused.status == 422
    assert why in " ".join(refused.json["errors"])
    assert files(run) == before


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ({"Content_Length": str(65 << 20)}, 413),
        ({"Content_Length": "9" * 5000}, 413),
        ({"Content_Length": "-1"}, 411),
        ({"Content_Length": "x"}, 411),
        ({"Content_Type": "text/plain"}, 415),
        ({"If_None_Match": "x"}, 428),
    ],
    ids=str,
)
def test_a_body_that_is_not_announced_as_it_should_be(client, run, head, status):
    assert client.save(gold(), **head).status == status
    assert files(run) == {}


@pytest.mark.parametrize(
    "name",
    ["../../x", "a/b", "..", "CON", "con", "__proto__", "<script>", "'; DROP", "李", "🧀" * 50],
)
def test_hostile_names_stay_in_the_folder(client, run, name):
    before = sorted(p for p in run.parent.rglob("*") if "gold" not in p.parts)
    assert client.save(gold(name=name)).status == 200
    assert sorted(p for p in run.parent.rglob("*") if "gold" not in p.parts) == before
    [path] = (run / "gold").glob("*/*.json")
    assert path.parent.name.isascii()
    assert path.parent.name.lower() not in ("con", "..", "")
    assert f"<bdi>{escape(name)}</bdi>" in client.ask("GET", "/").text


def test_names_that_differ_have_folders_that_differ():
    names = ["ann", "Ann", "ANN", "a-n", "a n", "a_n", "A N", "å", "a", "李", "王", "con", "CON"]
    names += [annotator_folder(name) for name in names]
    assert len({annotator_folder(n).lower() for n in set(names)}) == len(set(names))


@pytest.mark.parametrize("id_", ["../../etc/passwd", "a/b", "<b>", "x" * 200, "\u202e", "COM1"])
def test_hostile_ids_are_reviewed_like_others(tmp_path, id_):
    run = run_folder(tmp_path, cake(), cake(id_))
    with reviewed(run) as outside:
        client = outside.enter()
        key = incident_key(id_)
        assert client.ask("GET", f"/incident/{key}").status == 200
        assert client.save(gold(id_), key).status == 200
    assert list(files(run)) == [f"ann/{key}.json"]


def test_a_disk_that_does_not_take_it_leaves_what_was_there(client, run):
    etag = client.save(gold()).json["etag"]
    before = files(run)
    (run / "gold" / "ann" / f"{KEY}.json.new").mkdir()
    failed = client.save(gold(notes="more"), etag=etag)
    assert failed.status == 500
    assert "cannot be written" in failed.json["errors"][0]
    assert (run / "gold" / "ann" / f"{KEY}.json").read_bytes() == before[f"ann/{KEY}.json"]


@pytest.mark.parametrize("name", ["gold", "gold/ann", "gold/ann/run.lock"])
def test_nothing_is_written_to_where_a_link_leads(client, run, tmp_path, name):
    target = tmp_path / "target"
    held = ["precious"] if name.endswith("lock") else []
    if held:
        target.write_text("precious")
    else:
        target.mkdir()
    (run / name).parent.mkdir(parents=True, exist_ok=True)
    (run / name).symlink_to(target)
    assert client.save(gold()).status == 500
    assert [p.read_text() for p in (target, *target.rglob("*")) if p.is_file()] == held
    assert list(target.glob("*")) == []


def test_a_file_of_somebody_else_in_the_folder_is_neither_shown_nor_counted(client, run):
    client.save(gold())
    path = run / "gold" / "ann" / f"{KEY}.json"
    path.write_text(json.dumps(gold(name="bob")))
    assert client.ask("GET", f"/incident/{KEY}/gold?annotator=ann").status == 422
    path.write_text("{")
    assert client.ask("GET", f"/incident/{KEY}/gold?annotator=ann").status == 422
    assert "nobody yet" in client.ask("GET", "/").text


def test_a_run_that_is_being_written_can_be_reviewed(tmp_path):
    run = run_folder(tmp_path)
    with RunFolder.create_or_resume(run, of_recipes(RECIPES)) as writer, reviewed(run) as outside:
        client = outside.enter()
        assert client.ask("GET", f"/incident/{incident_key('new')}").status == 404
        writer.append_report(cake("new"))
        with (run / "reports.jsonl").open("ab") as file:
            file.write(b'{"incident": {"id": "half')
        assert client.ask("GET", f"/incident/{incident_key('new')}").status == 200
        assert "2 incidents" in client.ask("GET", "/").text
        assert client.save(gold("new"), incident_key("new")).status == 200


def test_an_article_without_text_is_shown_and_gives_no_gold(tmp_path):
    run = run_folder(tmp_path)
    with reviewed(run, article(text="Something else.")) as outside:
        client = outside.enter()
        assert QUOTE in client.ask("GET", f"/incident/{KEY}").text
        refused = client.save(gold())
    assert refused.status == 422
    assert "--articles" in refused.json["errors"][0]


def test_a_named_annotator_is_the_only_one(tmp_path):
    run = run_folder(tmp_path)
    with reviewed(run, annotator="ann") as outside:
        client = outside.enter()
        assert client.save(gold(name="bob")).status == 422
        assert client.save(gold()).status == 200
    assert list(files(run)) == [f"ann/{KEY}.json"]


def test_the_list_escapes_what_articles_say(tmp_path):
    hostile = "</a><script>window.ran=1</script>"
    named = article().model_copy(update={"title": hostile})
    with reviewed(run_folder(tmp_path, cake("cake", named))) as outside:
        page = outside.enter().ask("GET", "/").text
    assert "<script>window" not in page
    assert "&lt;script&gt;window" in page
