"""What every file system is held to that Tauro keeps tables, journals and leases on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tauro.storage.port import FileSystem


def check_files(files: FileSystem, root: str) -> None:
    """Puts, finds, lists, moves and removes; `root` does not exist yet."""
    assert files.find(root) is None
    assert files.children(root) == files.below(root) == []
    with pytest.raises(FileNotFoundError):
        files.read(f"{root}/none")
    files.write(f"{root}/a b/day=2013-01-01/%3D#ä", b"one")
    files.write(f"{root}/a b/top", b"")
    found = files.find(f"{root}/a b/day=2013-01-01/%3D#ä")
    assert found is not None
    assert (found.is_folder, found.size_bytes) == (False, 3)
    assert found.changed_at > 1_700_000_000
    folder = files.find(f"{root}/a b")
    assert folder is not None
    assert folder.is_folder
    assert [(one.path, one.is_folder) for one in files.children(f"{root}/a b")] == [
        (f"{root}/a b/day=2013-01-01", True),
        (f"{root}/a b/top", False),
    ]
    assert [(one.path, one.size_bytes) for one in files.below(root)] == [
        (f"{root}/a b/day=2013-01-01/%3D#ä", 3),
        (f"{root}/a b/top", 0),
    ]
    assert files.holds_files(root)
    assert files.holds_files(f"{root}/none") is None
    assert files.matching(f"{root}/a*/t?p") == [f"{root}/a b/top"]
    files.write(f"{root}/a b/top", b"again")
    assert files.read(f"{root}/a b/top") == b"again"
    files.move(f"{root}/a b/top", f"{root}/new/deep/top")
    assert files.read(f"{root}/new/deep/top") == b"again"
    with pytest.raises(FileExistsError):
        files.move(f"{root}/a b/day=2013-01-01/%3D#ä", f"{root}/new/deep/top")
    assert not files.remove_if_empty(f"{root}/new")
    files.remove([f"{root}/new", f"{root}/none"])
    assert files.find(f"{root}/new/deep/top") is None
    assert files.remove_if_empty(f"{root}/none")
    if files.moves_folders:
        files.move(f"{root}/a b", f"{root}/c")
        assert [one.path for one in files.below(root)] == [f"{root}/c/day=2013-01-01/%3D#ä"]
    files.remove([root])
    assert files.below(root) == []


def check_only_one_creates(files: FileSystem, root: str) -> None:
    """Several that create one file at once: one of them succeeds, and it is that one's content which is there."""
    assert files.creates_once(f"{root}/x")
    for number in range(3):
        path = f"{root}/{number}"
        with ThreadPoolExecutor(4) as pool:
            done = list(pool.map(lambda one, path=path: files.create(path, str(one).encode()), range(8)))  # type: ignore[misc]  # a default binds it
        assert done.count(True) == 1
        assert files.read(path) == str(done.index(True)).encode()
