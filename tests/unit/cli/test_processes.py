"""What only a process of its own shows: signals, file descriptors, readers that leave, terminals."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tauro.publish.journal import NodeNote

NOTE = NodeNote(node="extract", code="c", configuration="d", outputs=())
FAKED = Path(__file__).with_name("faked.py")
RUN = ("run", "--pipeline", "daily", "--start", "2025-01-01", "--end", "2025-01-02")


def until(stream, text: str) -> str:
    """What is read up to a line with `text`."""
    seen = ""
    for line in stream:
        seen += line
        if text in line:
            return seen
    raise AssertionError(f"{text!r} never came: {seen}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_the_run_and_ends_with_130(start, number):
    process = start(*RUN, fake={"waits_in": "clean"})
    until(process.stderr, "waiting")
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert f"interrupted by {number.name}" in err
    assert ["clean", "cancelled", "1", "0.5", "s"] in [line.split() for line in out.splitlines()]
    assert err.splitlines()[-1].endswith("--from clean --from customers")


def test_a_second_signal_ends_the_process_at_once(start):
    process = start(*RUN, fake={"waits_in": "clean", "ignores_cancel": True})
    until(process.stderr, "waiting")
    process.send_signal(signal.SIGINT)
    until(process.stderr, "once more")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert err.splitlines()[-2:] == ["ended at once; go on from there with:", f"  tauro {' '.join(RUN)}"]


def test_a_second_signal_leaves_the_command_that_carries_on_what_was_kept(start, leave):
    leave("r-1").note(NOTE)
    process = start(*RUN, "--env", "dev", fake={"waits_in": "clean", "ignores_cancel": True})
    until(process.stderr, "waiting")
    process.send_signal(signal.SIGINT)
    until(process.stderr, "once more")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert err.splitlines()[-1] == "  tauro resume r-1 --env dev"


def test_a_second_signal_leaves_one_document_behind(start):
    process = start(*RUN, "--json", fake={"waits_in": "clean", "ignores_cancel": True})
    until(process.stderr, "waiting")
    process.send_signal(signal.SIGTERM)
    until(process.stderr, "once more")
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=10)
    document = json.loads(out)
    assert (document["status"], document["run_id"]) == ("failed", "r-1")
    assert document["resume"] == f"tauro {' '.join(RUN)} --json"


def test_an_interrupted_run_that_kept_something_ends_with_what_carries_it_on(start, leave):
    leave("r-1").note(NOTE)
    process = start(*RUN, "--env", "dev", fake={"waits_in": "clean"})
    until(process.stderr, "waiting")
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "  tauro resume r-1 --env dev"


def test_an_interrupted_run_answers_with_its_document(start):
    process = start(*RUN, "--json", fake={"waits_in": "clean"})
    until(process.stderr, "waiting")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert (process.returncode, json.loads(out)["status"]) == (130, "cancelled")


SPARK_THAT_STARTS_FOREVER = """
import sys
import tauro.spark.gateway
from tauro.cli.main import main

tauro.spark.gateway.spark_submit = lambda settings, environment: ["sh", "-c", "echo starting >&2; exec sleep 60"]
main(sys.argv[1:])
"""


@pytest.mark.parametrize("is_group", [False, True])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_spark_starts_ends_at_once_with_130(project, number, is_group):
    words = ("run", "-p", "adhoc", *RUN[3:], "--json")
    process = subprocess.Popen(
        [sys.executable, "-c", SPARK_THAT_STARTS_FOREVER, *words],
        cwd=project,
        env={**os.environ, "TAURO_VERBOSE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    until(process.stderr, "starting")
    (os.killpg if is_group else os.kill)(process.pid, number)
    out, err = process.communicate(timeout=10)  # which waits for whoever has the pipe: the JVM is gone too
    document = json.loads(out)
    assert (process.returncode, document["status"]) == (130, "cancelled")
    assert {(node["status"], node["attempts"]) for node in document["nodes"]} == {("cancelled", 0)}
    assert document["resume"].startswith("tauro run -")
    assert "Traceback" not in err


def test_nothing_a_node_prints_spoils_the_document(start):
    process = start(*RUN, "--json", fake={"prints": True})
    out, err = process.communicate(timeout=30)
    assert json.loads(out)["status"] == "completed"
    for text in ("printed by a node", "written to descriptor 1", "printed by a child"):
        assert text in err


def test_what_a_node_prints_is_shown_without_json(start):
    out, _ = start(*RUN, fake={"prints": True}).communicate(timeout=30)
    assert "printed by a node" in out


def test_what_a_module_prints_when_imported_spoils_no_answer(start, project):
    module = project / "cli_project_jobs.py"
    module.write_text("print('imported')\n" + module.read_text())
    out, err = start("validate", "--json").communicate(timeout=30)
    assert json.loads(out)["problems"] == []
    assert "imported" in err
    out, _ = start("graph", "-p", "daily").communicate(timeout=30)
    assert out.startswith("flowchart")


@pytest.mark.parametrize("words", [("list",), ("plan", "-p", "adhoc"), (*RUN, "--quiet"), RUN])
def test_a_reader_that_leaves_is_no_error(project, words):
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as gone:
        done = subprocess.run(
            [sys.executable, str(FAKED), *words],
            cwd=project,
            stdout=gone,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == (2 if words[0] == "plan" else 0)
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def on_terminal(project, *words: str, fake: dict | None = None, **environ: str) -> tuple[int, str]:
    """The exit code, and what a terminal of 100 x 30 gets to see."""
    import fcntl
    import struct
    import termios

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    env = {**os.environ, "TERM": "xterm-256color", "FAKE": json.dumps(fake or {}), **environ}
    env.pop("COLUMNS", None)
    process = subprocess.Popen(
        [sys.executable, str(FAKED), *words], cwd=project, stdin=slave, stdout=slave, stderr=slave, env=env
    )
    os.close(slave)
    seen = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:  # how Linux says that the other side has gone
            break
        if not piece:
            break
        seen += piece
    os.close(master)
    return process.wait(timeout=30), seen.decode()


def test_a_terminal_gets_a_live_view_and_colours(project):
    code, seen = on_terminal(project, *RUN, fake={"fails": {"clean": "other"}})
    assert code == 3
    assert "\x1b[?25l" in seen, "the live view hides the cursor"
    assert seen.rindex("\x1b[?25h") > seen.rindex("\x1b[?25l"), "and shows it again"
    assert re.search(r"\x1b\[[0-9;]*31m", seen), "failed is red"
    assert "--from clean" in seen.splitlines()[-1]


def test_no_color_is_kept_to(project):
    _, seen = on_terminal(project, *RUN, fake={"fails": {"clean": "other"}}, NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", seen)


def test_a_dumb_terminal_gets_plain_lines(project):
    code, seen = on_terminal(project, *RUN, TERM="dumb")
    assert code == 0
    assert "extract: running" in seen
    assert "\x1b[?25l" not in seen
