"""A run beside Airflow's processes: begun, watched, joined, stopped and lost, with processes that are real."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import Popen

import pytest

from tauro.integrations.airflow.run_folder import RunFolder, remove_old
from tauro.integrations.airflow.starting import start
from tauro.integrations.airflow.verdict import Ended
from tauro.integrations.airflow.watch import LOST_S, START_S, Line, Watch
from tauro.launch.processes import is_running, process_with_id

ANSWER = 'import json; print(json.dumps({"run_id": "r-1"}))'
TIMED = "2025-01-01 00:00:00.000  {level: <8} shop.jobs:14  {text}\n"
SLEEP = "import time; print('ready', flush=True); time.sleep(20)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path / "runs" / "r-1")


@pytest.fixture
def begin(folder: RunFolder) -> Iterator[Callable[[str], Popen[bytes] | None]]:
    """Has an attendant run a piece of Python."""
    begun: list[Popen[bytes]] = []

    def run(code: str) -> Popen[bytes] | None:
        attendant = start(folder, [sys.executable, "-c", code], {"WORD": "said"})
        if attendant is not None:
            begun.append(attendant)
        return attendant

    yield run
    for attendant in begun:
        if attendant.poll() is None:
            folder.stop()
            attendant.wait(30)


def follow(watch: Watch, timeout_s: float = 20) -> tuple[list[Line], Ended]:
    """All lines to the end."""
    lines: list[Line] = []
    deadline = time.monotonic() + timeout_s
    while True:
        more, ended = watch.look()
        lines += more
        if ended is not None:
            return lines, ended
        assert time.monotonic() < deadline, lines
        time.sleep(0.05)


def until(is_so: Callable[[], object], timeout_s: float = 10) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_run_is_followed_to_its_end(folder: RunFolder, begin: Callable[[str], Popen[bytes] | None]) -> None:
    assert begin(f"import os, sys; print(os.environ['WORD'], file=sys.stderr); {ANSWER}; sys.exit(3)") is not None
    lines, ended = follow(Watch(folder))
    assert lines == [Line(logging.INFO, "said")]
    assert ended == Ended("r-1", 3, {"run_id": "r-1"})


def test_what_can_not_be_started_is_said(folder: RunFolder) -> None:
    attendant = start(folder, ["/no/such/python"], {})
    lines, ended = follow(Watch(folder))
    assert ended.code == 127
    assert lines == [Line(logging.INFO, "/no/such/python can't be started: No such file or directory")]
    assert attendant is not None
    attendant.wait(10)


def test_a_run_outlives_who_began_it_and_is_joined_where_it_was_left(
    folder: RunFolder, begin: Callable[[str], Popen[bytes] | None]
) -> None:
    go_on = folder.path / "go-on"
    attendant = begin(
        "import os, sys, time\n"
        "print('one', file=sys.stderr, flush=True)\n"
        f"while not os.path.exists({str(go_on)!r}): time.sleep(0.05)\n"
        "print('two', file=sys.stderr)"
    )
    assert attendant is not None
    assert os.getsid(attendant.pid) != os.getsid(0)
    first = Watch(folder)
    until(lambda: folder.is_attended() and folder.log.read_text())
    assert first.look() == ([Line(logging.INFO, "one")], None)
    assert begin("raise SystemExit(9)") is None  # a second try meets the run and joins it
    go_on.touch()
    lines, ended = follow(Watch(folder))
    assert (lines, ended.code) == ([Line(logging.INFO, "two")], 0)


def test_a_run_is_asked_to_stop_and_the_next_try_begins_anew(
    folder: RunFolder, begin: Callable[[str], Popen[bytes] | None]
) -> None:
    begin(SLEEP)
    until(lambda: folder.is_attended() and folder.answer.read_text())
    folder.stop()
    attendant = begin(ANSWER)  # waits for the other to be gone
    assert attendant is not None
    assert follow(Watch(folder))[1].code == 0


def test_the_attendant_ends_its_run_when_it_is_told_to_end(
    folder: RunFolder, begin: Callable[[str], Popen[bytes] | None]
) -> None:
    attendant = begin(SLEEP)
    until(lambda: folder.is_attended() and folder.answer.read_text())
    assert attendant is not None
    attendant.terminate()
    assert follow(Watch(folder))[1].code == -signal.SIGTERM


def test_a_run_that_does_not_stop_is_killed_with_its_children(folder: RunFolder, tmp_path: Path) -> None:
    child = tmp_path / "child"
    code = (
        f"import subprocess, sys; c = subprocess.Popen([sys.executable, '-c', {STUBBORN!r}]); "
        f"open({str(child)!r}, 'w').write(str(c.pid)); {STUBBORN}"
    )
    program = (
        "import sys; from pathlib import Path; from tauro.integrations.airflow import attendant as a; "
        "a.AGAIN_S, a.KILL_S = 0.1, 0.4; a.Attendant(a.RunFolder(Path(sys.argv[1])), sys.argv[2:]).run()"
    )
    folder.prepare()
    with Popen([sys.executable, "-c", program, str(folder.path), sys.executable, "-c", code]):
        until(lambda: folder.is_attended() and child.exists() and folder.answer.read_text().count("ready") == 2)
        folder.stop()
        assert follow(Watch(folder))[1].code == -signal.SIGKILL
    pid = int(child.read_text())
    until(lambda: is_running(process_with_id(pid)) is False)


def test_a_killed_attendant_leaves_a_lost_run_that_is_begun_again(
    folder: RunFolder, begin: Callable[[str], Popen[bytes] | None]
) -> None:
    attendant = begin(SLEEP)
    until(lambda: folder.is_attended() and folder.answer.read_text())
    assert attendant is not None
    attendant.kill()
    attendant.wait(10)
    lines, ended = follow(Watch(folder))
    assert (lines, ended.code) == ([], None)
    assert begin(ANSWER) is not None
    assert follow(Watch(folder))[1].code == 0


def elsewhere(folder: RunFolder) -> None:
    """Lets the attendant be one of another machine."""
    folder.prepare()
    folder.attend()
    file = folder.path / "attendant.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "host": "other", "boot": "b"}))


def test_an_attendant_elsewhere_lives_as_long_as_it_beats(folder: RunFolder) -> None:
    now = [0.0]
    elsewhere(folder)
    watch = Watch(folder, clock=lambda: now[0])
    now[0] = LOST_S - 1
    assert watch.look()[1] is None
    folder.beat()
    assert watch.look()[1] is None
    now[0] += LOST_S - 1
    assert watch.look()[1] is None
    assert folder.is_attended() is None
    now[0] += 2
    assert watch.look() == ([], Ended("r-1", None, {}))
    assert folder.is_attended() is False  # so that the next try begins


def test_an_attendant_that_never_comes_is_lost(folder: RunFolder) -> None:
    now = [0.0]
    folder.prepare()
    watch = Watch(folder, clock=lambda: now[0])
    now[0] = START_S - 1
    assert watch.look()[1] is None
    now[0] = START_S
    assert watch.look()[1] == Ended("r-1", None, {})


def test_lines_keep_their_levels_and_are_told_once(folder: RunFolder) -> None:
    elsewhere(folder)
    watch = Watch(folder)
    text = "".join(
        [
            TIMED.format(level="DEBUG", text="fine"),
            TIMED.format(level="SUCCESS", text="well"),
            TIMED.format(level="ERROR", text="bad"),
            "  more of it\n",
            "printed\n",
            "\u00fcnfinish",
        ]
    )
    folder.log.write_bytes(text.encode() + b"\xc3")
    assert watch.look()[0] == [
        Line(logging.DEBUG, "fine"),
        Line(logging.INFO, "well"),
        Line(logging.ERROR, "bad"),
        Line(logging.ERROR, "  more of it"),
        Line(logging.INFO, "printed"),
    ]
    assert Watch(folder).look()[0] == []
    folder.end(0)
    lines, ended = watch.look()
    assert lines == [Line(logging.INFO, "\u00fcnfinish\ufffd")]
    assert ended is not None
    assert watch.look()[0] == []


def test_the_log_of_tauro_run_is_understood(tmp_path: Path) -> None:
    from loguru import logger

    from tauro.cli.logs import log_to_file

    folder = RunFolder(tmp_path)
    with log_to_file(folder.log, lambda text: text):
        logger.warning("careful\n  now")
    elsewhere(folder)
    assert Watch(folder).look()[0] == [Line(logging.WARNING, "careful"), Line(logging.WARNING, "  now")]


def test_half_an_answer_is_none(folder: RunFolder) -> None:
    folder.prepare()
    folder.answer.write_text('{"run_id": "r')
    assert folder.document == {}


def test_old_runs_are_removed_and_nothing_else(tmp_path: Path, folder: RunFolder) -> None:
    runs = folder.path.parent
    names = ("old", "told-of-lately", "alive", "new", "foreign")
    for name in names:
        one = RunFolder(runs / name)
        one.prepare()
        one.log.write_text("said\n")
        if name != "foreign":
            one.attend()
            one.end(0)
    for path in [*runs.rglob("*"), *runs.iterdir()]:
        if "new" not in str(path):
            os.utime(path, (1, 1))
    (runs / "told-of-lately" / "told.json").touch()
    os.utime(runs / "alive" / "attendant.json")
    remove_old(runs)
    assert {path.name for path in runs.iterdir()} == {*names} - {"old"}
    remove_old(tmp_path / "nowhere")
