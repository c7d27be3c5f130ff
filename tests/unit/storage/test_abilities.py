"""What a file system can do is looked up in the list of mounts, or tried."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tauro.storage import abilities
from tauro.storage.abilities import Mount, abilities_of, is_object_store_mount
from tauro.storage.local import exchange_at_once


def test_a_local_folder_that_does_not_exist_yet_is_tried_where_it_would_lie(tmp_path: Path) -> None:
    found = abilities_of(tmp_path / "not" / "yet")
    assert found.can_link is True
    assert found.can_exchange is sys.platform.startswith("linux")
    assert not found.is_object_store
    assert list(tmp_path.iterdir()) == []


def test_a_mounted_object_store_is_told_by_the_list_and_not_tried(tmp_path: Path) -> None:
    point = tmp_path / "my bucket"
    (point / "db").mkdir(parents=True)
    table = tmp_path / "mounts"
    spelled = str(point).replace(" ", "\\040")
    table.write_text(f"/dev/sda / ext4 rw 0 0\ns3fs {spelled} fuse.s3fs rw 0 0\n")
    inside = abilities_of(point / "db" / "table", table)
    assert (inside.kind, inside.is_object_store, inside.can_exchange, inside.can_link) == (
        "fuse.s3fs",
        True,
        None,
        None,
    )
    assert not abilities_of(tmp_path / "my bucket beside it", table).is_object_store


@pytest.mark.parametrize(
    ("source", "kind", "is_one"),
    [
        ("s3fs", "fuse.s3fs", True),
        ("bucket", "fuse.gcsfuse", True),
        ("mountpoint-s3", "fuse", True),
        ("blobfuse2", "fuse", True),
        ("JuiceFS:disk", "fuse.juicefs", False),
        ("/dev/sdb1", "fuseblk", False),
        ("s3fs", "ext4", False),
        ("host:/s3fs", "nfs4", False),
    ],
)
def test_object_stores_are_known_by_the_program_that_mounts_them(source: str, kind: str, is_one: bool) -> None:
    assert is_object_store_mount(Mount("/data", source, kind)) is is_one


def test_each_mount_is_tried_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "mounts"
    table.write_text(f"disk {tmp_path} testfs rw 0 0\n")
    tried: list[Path] = []

    def exchange(first: Path, second: Path) -> bool:
        tried.append(first)
        return False

    monkeypatch.setattr(abilities, "exchange_at_once", exchange)
    for name in ("a", "b", "c"):
        found = abilities_of(tmp_path / name, table)
        assert (found.kind, found.can_exchange, found.can_link) == ("testfs", False, True)
    assert len(tried) == 1


def test_nothing_is_said_of_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "mounts"
    table.write_text(f"disk {tmp_path} readonlyfs ro 0 0\n")

    def refused(**_: object) -> str:
        raise PermissionError

    monkeypatch.setattr("tempfile.mkdtemp", refused)
    found = abilities_of(tmp_path / "a", table)
    assert (found.can_exchange, found.can_link) == (None, None)
    monkeypatch.undo()
    assert abilities_of(tmp_path / "b", table).can_link is True


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux alone has it")
def test_folders_change_places_at_once(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    assert exchange_at_once(tmp_path / "one", tmp_path / "other")
    assert (tmp_path / "one" / "other").exists()
    with pytest.raises(OSError):
        exchange_at_once(tmp_path / "one", tmp_path / "missing")
