"""The lock of a publish."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tauro.storage.lock import locked


def test_one_at_a_time_holds_the_lock_and_its_file_goes(tmp_path: Path) -> None:
    path = tmp_path / "_tauro" / "t.lock"
    inside: list[int] = []

    def work(number: int) -> int:
        with locked(path):
            inside.append(number)
            time.sleep(0.002)
            seen = len(inside)
            inside.remove(number)
            return seen

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(work, range(40))) == {1}
    assert not path.exists()


def test_the_lock_of_a_process_that_died_is_free(tmp_path: Path) -> None:
    path = tmp_path / "t.lock"
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom tauro.storage.lock import locked\n"
        "with locked(Path(sys.argv[1])):\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=False, timeout=60)
    assert path.exists()
    with locked(path, timeout_s=5):
        pass
    assert not path.exists()


def test_waiting_ends(tmp_path: Path) -> None:
    path = tmp_path / "t.lock"
    with locked(path), pytest.raises(TimeoutError, match=r"t\.lock"), locked(path, timeout_s=0.05):
        pass


def test_an_error_inside_releases_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "t.lock"
    with pytest.raises(KeyError), locked(path):
        raise KeyError
    with locked(path, timeout_s=1):
        assert path.exists()
