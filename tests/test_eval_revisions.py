"""Tests of a taxonomy as it stood at a git revision, in repositories made for them."""

from __future__ import annotations

from pathlib import Path

import pytest
from cooking import Repository, clean_git, copied

from classifier.errors import ConfigurationError
from classifier.taxonomy import load_taxonomy
from eval.revisions import taxonomy_at

OLD, NEW = "definition: after the main dish", "definition: at the end"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A commit with the taxonomy in prompts/recipes, and a change that is not committed."""
    clean_git(monkeypatch)
    repository = Repository(tmp_path / "repository")
    copied(repository.folder / "prompts" / "recipes")
    repository.commit("first")
    repository.edit("prompts/recipes/categories/course.yaml", OLD, NEW)
    monkeypatch.chdir(repository.folder)
    return repository


def definition(revision: str, name: str | Path = "prompts/recipes") -> str:
    with taxonomy_at(revision, str(name)) as taxonomy:
        return taxonomy.categories["course"].option("dessert").definition


def refused(revision: str, name: str | Path = "prompts/recipes") -> str:
    with pytest.raises(ConfigurationError) as error, taxonomy_at(revision, str(name)):
        raise AssertionError("it was read")
    return str(error.value)


def test_a_revision_is_read_as_it_was_committed(repository: Repository) -> None:
    assert definition("HEAD") == "after the main dish"
    found = load_taxonomy("prompts/recipes").categories["course"].option("dessert")
    assert found.definition == "at the end"


def test_commits_branches_and_tags_are_revisions(repository: Repository) -> None:
    first = repository.git("rev-parse", "HEAD")
    repository.git("tag", "-a", "v1", "-m", "x")
    repository.git("checkout", "-q", "-b", "work")
    repository.commit("second")
    told = [definition(r) for r in (first[:9], "v1", "work~1", "work")]
    assert told == ["after the main dish"] * 3 + ["at the end"]


def test_the_working_tree_and_the_index_stay_as_they_are(repository: Repository) -> None:
    before = repository.git("status", "--porcelain")
    definition("HEAD")
    assert repository.git("status", "--porcelain") == before != ""


def test_what_is_read_goes_away_again(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    with taxonomy_at("HEAD", "prompts/recipes"):
        assert len(list(place.iterdir())) == 1
    assert list(place.iterdir()) == []


def test_the_taxonomy_may_be_the_repository_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean_git(monkeypatch)
    repository = Repository(copied(tmp_path / "recipes"))
    repository.commit("first")
    assert definition("HEAD", repository.folder) == "after the main dish"


def test_a_folder_below_a_link_is_found(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(repository.folder / "prompts")
    assert definition("HEAD", tmp_path / "link" / "recipes") == "after the main dish"


@pytest.mark.parametrize("revision", ["none", "--help", "-h", "HEAD~9", "HEAD:prompts", "a b"])
def test_a_revision_that_there_is_not_is_named(repository: Repository, revision: str) -> None:
    said = refused(revision)
    assert f"There is no revision {revision!r} in the repository" in said
    assert "Name a commit, a branch or a tag" in said


def test_a_revision_without_the_taxonomy_is_named(repository: Repository) -> None:
    copied(repository.folder / "prompts" / "later")
    said = refused("HEAD", "prompts/later")
    assert said.startswith("There is no prompts/later at the revision 'HEAD'")


def test_a_broken_taxonomy_of_then_is_explained(repository: Repository) -> None:
    repository.edit("prompts/recipes/categories/diet.yaml", "merge: union", "merge: never")
    repository.commit("broken")
    said = refused("HEAD")
    assert "cannot be used as it was at 'HEAD':\n" in said
    assert "diet.yaml:4: " in said


def test_a_folder_outside_of_any_repository_is_named(tmp_path: Path) -> None:
    said = refused("HEAD", copied(tmp_path / "recipes"))
    assert "not a git repository" in said
    assert str(tmp_path / "recipes") in said


def test_a_taxonomy_that_there_is_not_is_named(repository: Repository) -> None:
    assert "There is no taxonomy 'nowhere'" in refused("HEAD", "nowhere")


def test_without_git_it_says_so(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert "git, which is not installed" in refused("HEAD")
