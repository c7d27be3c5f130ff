"""`tauro warm`: what it shows of the JVM that stays, and how it ends it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tauro.launch.processes import is_running
from tauro.launch.warm.place import is_supported, place_of
from tauro.launch.warm.state import Phase, note_visitor
from tests.support.warm_standin import Standin, standin

pytestmark = pytest.mark.skipif(not is_supported(), reason="warm JVMs are kept on Linux")


def tauro(runtime: Path, root: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", "from tauro.cli.main import main; main()", "warm", *words, "--project", str(root)],
        capture_output=True,
        text=True,
        check=False,
        env={"XDG_RUNTIME_DIR": str(runtime), "PATH": "/usr/bin", "TZ": "UTC"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def placed(one: Standin, runtime: Path) -> None:
    """Has the stand-in keep its JVM where the command looks."""
    runtime.mkdir(mode=0o700)
    (one.root / "tauro.yml").write_text("{}")
    place = place_of(one.root, {"XDG_RUNTIME_DIR": str(runtime)})
    assert place is not None
    place.make()
    one.place = place


def test_status_tells_since_when_how_large_how_idle_and_who_is_in_it(tmp_path: Path) -> None:
    runtime = tmp_path / "login"
    with standin(tmp_path) as one:
        placed(one, runtime)
        assert tauro(runtime, one.root, "status") == "there is no warm JVM of this project\n"
        assert json.loads(tauro(runtime, one.root, "status", "--json"))["jvm"] is None
        state = one.start()
        told = json.loads(tauro(runtime, one.root, "status", "--json"))["jvm"]
        assert told["process"] == state.jvm.pid
        assert told["memory_bytes"] > 1e6
        assert told["run_process"] is None
        assert 0 <= told["idle_for_s"] < 60
        assert "secret" not in json.dumps(told)
        text = tauro(runtime, one.root, "status")
        assert f"warm JVM (process {state.jvm.pid}) since 20" in text
        assert "in it    no run" in text
        note_visitor(one.place, Phase.RUNNING, state.jvm)
        told = json.loads(tauro(runtime, one.root, "status", "--json"))["jvm"]
        assert (told["run_process"] is not None, told["idle_for_s"]) == (True, None)
        assert "in it    a run (process" in tauro(runtime, one.root, "status")


def test_stop_ends_it_and_says_so(tmp_path: Path) -> None:
    runtime = tmp_path / "login"
    with standin(tmp_path) as one:
        placed(one, runtime)
        state = one.start()
        assert json.loads(tauro(runtime, one.root, "stop", "--json"))["outcome"] == "stopped"
        assert is_running(state.jvm) is False
        assert tauro(runtime, one.root, "stop") == "there is no warm JVM of this project\n"
