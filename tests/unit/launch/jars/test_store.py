"""The store gives back what was put there, or nothing."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tauro.launch.jars.ivy import Resolved
from tauro.launch.jars.request import JarRequest
from tauro.launch.jars.store import JarList, JarStore, State, store_folder
from tests.support.fake_ivy import write_jar

REQUEST = JarRequest(("com.example:own:1.0",), "4.2.0", "2.13", "shipped")
OTHER = JarRequest(("com.example:own:1.0",), "4.2.1", "2.13", "shipped")


@pytest.fixture
def store(tmp_path: Path) -> JarStore:
    return JarStore(tmp_path / "store")


@pytest.fixture
def jars(tmp_path: Path) -> list[Resolved]:
    write_jar(tmp_path / "own-1.0.jar", {"com/example/One.class": "1", "own/__init__.py": "", "single.py": ""})
    write_jar(tmp_path / "its-2.0.jar", {"com/example/Two.class": "2", "deep/inside.py": ""})
    return [
        Resolved("com.example:own:1.0", tmp_path / "own-1.0.jar"),
        Resolved("com.example:its:2.0", tmp_path / "its-2.0.jar"),
    ]


def put(store: JarStore, jars: list[Resolved], request: JarRequest = REQUEST) -> JarList:
    with store.changing() as work:
        return store.put(request, jars, work)


def test_nothing_is_known_of_a_store_that_is_not_there(store: JarStore) -> None:
    assert store.find(REQUEST) is None
    assert store.lists() == []
    assert not store.folder.exists()


def test_what_was_put_is_found_in_its_order_under_that_request_alone(store: JarStore, jars: list[Resolved]) -> None:
    stored = put(store, jars)
    assert JarStore(store.folder).find(REQUEST) == stored
    assert [jar.coordinate for jar in stored.jars] == ["com.example:own:1.0", "com.example:its:2.0"]
    assert [store.path_of(jar).read_bytes() for jar in stored.jars] == [jar.path.read_bytes() for jar in jars]
    assert [jar.python for jar in stored.jars] == [("own", "single"), ()]
    assert store.find(OTHER) is None
    assert store.lists() == [stored]


def test_a_password_in_the_address_of_a_repository_is_not_written_down(store: JarStore, jars: list[Resolved]) -> None:
    request = replace(REQUEST, repositories=("https://me:hunter2@example.com/maven",))
    put(store, jars, request)
    assert store.find(request) is not None
    assert not [path for path in store.folder.rglob("*.json") if "hunter2" in path.read_text()]


def test_two_lists_share_a_file(store: JarStore, jars: list[Resolved]) -> None:
    first, second = put(store, jars), put(store, jars, OTHER)
    assert first.jars == second.jars
    assert len(list(store.folder.glob("files/*/*.jar"))) == 2
    assert len(store.lists()) == 2
    assert store.find(REQUEST) == first


def test_nothing_else_is_left_after_a_fetch(store: JarStore, jars: list[Resolved]) -> None:
    put(store, jars)
    assert {path.name for path in store.folder.iterdir()} == {"files", "lists", "lock"}


def test_a_missing_a_cut_and_an_overwritten_file_are_noticed_at_a_start(store: JarStore, jars: list[Resolved]) -> None:
    stored = put(store, jars)
    own = store.path_of(stored.jars[0])
    whole = own.read_bytes()
    for spoil, state in (
        (own.unlink, State.MISSING),
        (lambda: own.write_bytes(whole[:-1]), State.DAMAGED),
        (lambda: own.write_bytes(b"x" * len(whole)), State.DAMAGED),
    ):
        put(store, jars)
        assert store.find(REQUEST) == stored
        spoil()
        assert store.state(stored.jars[0]) is state
        assert store.find(REQUEST) is None
    assert put(store, jars) == stored
    assert own.read_bytes() == whole


def test_bits_that_changed_unseen_are_found_by_reading_everything(store: JarStore, jars: list[Resolved]) -> None:
    stored = put(store, jars)
    own = store.path_of(stored.jars[0])
    own.write_bytes(b"x" * stored.jars[0].size_bytes)
    os.utime(own, ns=(stored.jars[0].mtime_ns, stored.jars[0].mtime_ns))
    assert store.find(REQUEST) == stored
    assert store.find(REQUEST, is_thorough=True) is None
    assert store.state(stored.jars[0], is_thorough=True) is State.DAMAGED


def test_a_store_that_was_copied_somewhere_else_is_as_good(
    store: JarStore, jars: list[Resolved], tmp_path: Path
) -> None:
    stored = put(store, jars)
    shutil.copytree(store.folder, tmp_path / "copy", copy_function=shutil.copyfile)
    shutil.rmtree(store.folder)
    copy = JarStore(tmp_path / "copy")
    assert copy.find(REQUEST) == stored
    own = copy.path_of(stored.jars[0])
    assert own.stat().st_mtime_ns == stored.jars[0].mtime_ns, "so that the next start need not read it"


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"version": 2}', '{"version": 1, "coordinates": [], "jars": []}', '{"version": 1, "jars": 7}'],
)
def test_a_list_that_is_half_written_or_of_another_version_is_as_if_not_there(
    store: JarStore, jars: list[Resolved], text: str
) -> None:
    put(store, jars)
    (store.folder / "lists" / f"{REQUEST.key}.json").write_text(text)
    assert store.find(REQUEST) is None
    assert store.lists() == []


@pytest.mark.parametrize("name", ["../../own.jar", "/own.jar", "a.jar,b.jar"])
def test_a_list_can_not_name_files_outside_the_store(store: JarStore, jars: list[Resolved], name: str) -> None:
    put(store, jars)
    path = store.folder / "lists" / f"{REQUEST.key}.json"
    told = json.loads(path.read_text())
    told["jars"][0]["name"] = name
    path.write_text(json.dumps(told))
    assert store.find(REQUEST) is None


def test_what_killed_processes_have_left_is_swept_after_a_day(store: JarStore, jars: list[Resolved]) -> None:
    put(store, jars)
    old, new = store.folder / "making-old", store.folder / "making-new"
    for folder in (old, new):
        folder.mkdir()
        (folder / "half.jar").touch()
    os.utime(old, (1, 1))
    put(store, jars)
    assert not old.exists()
    assert new.exists()


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"TAURO_CACHE": "/cache", "XDG_CACHE_HOME": "/xdg"}, "/cache/jars"),
        ({"XDG_CACHE_HOME": "/xdg"}, "/xdg/tauro/jars"),
        ({"TAURO_CACHE": "", "XDG_CACHE_HOME": "relative"}, str(Path.home() / ".cache/tauro/jars")),
        ({}, str(Path.home() / ".cache/tauro/jars")),
    ],
)
def test_the_store_is_in_the_cache_folder_of_the_user(environment: dict[str, str], folder: str) -> None:
    assert store_folder(environment) == Path(folder)
