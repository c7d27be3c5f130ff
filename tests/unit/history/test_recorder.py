"""A run is recorded while it goes on, and never disturbed by it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Event as Flag
from types import ModuleType

import pytest
from loguru import logger

from tauro.config import Context
from tauro.errors import HistoryError, MissingExtraError, RunFailedError, SessionError
from tauro.exec.executor import BaseExecutor
from tauro.exec.runs.recording import recorded
from tauro.history.process import is_gone, this_process
from tauro.history.reading import History, WholeRun
from tauro.history.recorder import Recorder
from tauro.history.records import DIED, Record, RunQuery, RunRecord
from tauro.history.stores import HISTORY_STORES, open_store
from tauro.model.outcome import Status
from tauro.model.plan import Plan
from tests.support.postgres import PostgresServer
from tests.unit.history.conftest import events_of


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    said: list[str] = []
    number = logger.add(lambda message: said.append(str(message.record["message"])), level="WARNING")
    yield said
    logger.remove(number)


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType("recorded_jobs")
    monkeypatch.setitem(sys.modules, "recorded_jobs", module)
    return module


def project(root: Path, **settings: object) -> Context:
    return Context(
        settings,
        {"p": {"nodes": ["a"], "requires_dates": False}},
        {"a": {"function": "recorded_jobs.a"}},
        root=root,
    )


def last(root: Path, name: str = ".tauro/history.db") -> WholeRun:
    with History(open_store(f"sqlite:{root / name}", is_reader=True)) as history:
        return history.whole(history.find("last"))


def test_a_run_of_a_project_is_recorded_with_no_set_up(tmp_path: Path, jobs: ModuleType) -> None:
    jobs.a = lambda: 1
    result = BaseExecutor(project(tmp_path)).execute_pipeline("p")
    whole = last(tmp_path)
    assert (whole.run.run_id, whole.run.status, whole.run.nodes_done) == (result.run_id, "completed", 1)
    assert whole.run.duration_s == pytest.approx(result.duration_s)


def test_a_failed_run_is_recorded_with_its_traceback_and_no_secret(
    tmp_path: Path, jobs: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY_TO_IT", "hunter22")

    def a() -> None:
        raise ValueError("no entry for hunter22")

    jobs.a = a
    context = project(tmp_path, variables={"key": "${secret:KEY_TO_IT}"})
    with pytest.raises(RunFailedError):
        BaseExecutor(context).execute_pipeline("p")
    (attempt,) = last(tmp_path).attempts
    assert attempt.error_message == "no entry for ***"
    assert attempt.error_cause is not None
    assert "Traceback" in attempt.error_cause
    assert b"hunter22" not in (tmp_path / ".tauro" / "history.db").read_bytes()


def test_off_keeps_nothing(tmp_path: Path, jobs: ModuleType) -> None:
    jobs.a = lambda: 1
    BaseExecutor(project(tmp_path, history="off")).execute_pipeline("p")
    assert not (tmp_path / ".tauro").exists()


def test_another_file_may_be_named(tmp_path: Path, jobs: ModuleType) -> None:
    jobs.a = lambda: 1
    BaseExecutor(project(tmp_path, history="logs/runs.db")).execute_pipeline("p")
    assert last(tmp_path, "logs/runs.db").run.status == "completed"


def test_a_run_that_raises_before_it_has_a_result_is_recorded_as_failed(tmp_path: Path, plan: Plan) -> None:
    with pytest.raises(SessionError), recorded(project(tmp_path), ()) as observers:  # noqa: PT012 - as the executor does
        for event in events_of(plan, to=Status.RUNNING):
            observers[0](event)
        raise SessionError("no Java")
    whole = last(tmp_path)
    assert (whole.run.status, whole.run.error_type, whole.run.error_message) == ("failed", "SessionError", "no Java")
    assert whole.attempts[-1].status == "cancelled"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda root: (root / ".tauro").write_text("a file where the folder would be"),
        lambda root: (root / ".tauro" / "history.db").mkdir(parents=True),
    ],
    ids=["no folder", "no file"],
)
def test_a_history_that_cannot_be_opened_gives_one_warning(
    tmp_path: Path, jobs: ModuleType, warnings: list[str], spoil: Callable[[Path], object]
) -> None:
    spoil(tmp_path)
    jobs.a = lambda: 1
    assert BaseExecutor(project(tmp_path)).execute_pipeline("p").is_completed
    (warning,) = warnings
    assert warning.startswith(f"history: {tmp_path}/.tauro/history.db: ")


@pytest.mark.parametrize("url", ["postgresql://tauro:hunter22@127.0.0.1:1/d", "nosuch://x"])
def test_a_store_that_is_away_or_unknown_gives_one_warning(
    tmp_path: Path, jobs: ModuleType, warnings: list[str], url: str
) -> None:
    jobs.a = lambda: 1
    assert BaseExecutor(project(tmp_path, history=url)).execute_pipeline("p").is_completed
    (warning,) = warnings
    assert "hunter22" not in warning


def test_a_missing_package_is_named_with_the_extra_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "tauro.history.postgres", raising=False)
    HISTORY_STORES.add("postgresql", "tauro.history.postgres:PostgresStore")
    with pytest.raises(MissingExtraError, match="psycopg"):
        open_store("postgresql://u@h/d", is_reader=True)


def test_a_damaged_history_is_replaced_and_the_run_recorded(
    tmp_path: Path, jobs: ModuleType, warnings: list[str]
) -> None:
    (tmp_path / ".tauro").mkdir()
    (tmp_path / ".tauro" / "history.db").write_bytes(b"garbage" * 999)
    jobs.a = lambda: 1
    BaseExecutor(project(tmp_path)).execute_pipeline("p")
    (warning,) = warnings
    assert "history.db.corrupt-" in warning
    assert last(tmp_path).run.status == "completed"


def test_a_history_that_somebody_locks_holds_up_no_run_for_long(
    tmp_path: Path, jobs: ModuleType, warnings: list[str]
) -> None:
    jobs.a = lambda: 1
    BaseExecutor(project(tmp_path)).execute_pipeline("p")
    with sqlite3.connect(tmp_path / ".tauro" / "history.db", isolation_level=None) as holder:
        holder.execute("begin exclusive")
        began = time.monotonic()
        assert BaseExecutor(project(tmp_path)).execute_pipeline("p").is_completed
        assert time.monotonic() - began < 8
        holder.execute("rollback")
    holder.close()
    assert len(warnings) == 1


def test_a_full_disk_gives_one_warning(tmp_path: Path) -> None:
    (tmp_path / "jobs.py").write_text("def a():\n    return 1\n")
    (tmp_path / "tauro.yml").write_text(
        "pipelines_config: {p: {nodes: [a], requires_dates: false}}\nnodes_config: {a: {function: jobs.a}}\n"
    )
    script = (
        "import resource, tauro\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))\n"  # no file may become longer
        "print(tauro.run('.', pipeline='p').status)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "completed\n"
    assert done.stderr.count("WARNING") == 1
    assert "history.db" in done.stderr


@pytest.mark.postgres
def test_a_lost_connection_is_made_again(postgres: PostgresServer, plan: Plan, warnings: list[str]) -> None:
    url = f"{postgres.dsn}?application_name=tauro_lost"
    recorder = Recorder(lambda: open_store(url, is_reader=False), "there", "shop")
    first, *rest = events_of(plan, "lost")
    recorder(first)
    find = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tauro_lost'"
    deadline = time.monotonic() + 20
    with History(open_store(postgres.dsn, is_reader=False)) as history:
        while not history.runs() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert postgres.execute(find) == [(True,)]
        for event in rest:
            recorder(event)
        recorder.close()
        (run,) = history.runs()
        assert (run.run_id, run.status) == ("lost", "completed")
        assert len(warnings) <= 1
        history.remove([run])


class Flaky:
    """A store that fails at first."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.kept: list[Record] = []
        self.has_failed = Flag()

    def write(self, records: Sequence[Record]) -> None:
        if self.failures:
            self.failures -= 1
            self.has_failed.set()
            raise HistoryError("away")
        self.kept += records

    def runs(self, query: RunQuery) -> list[RunRecord]:
        return []

    def run_ids(self, prefix: str) -> list[str]:
        return []

    def records(self, kind: object, run_id: str) -> list[Record]:
        return []

    def remove(self, run_ids: Sequence[str]) -> None: ...

    def close(self) -> None: ...


def test_what_could_not_be_written_at_first_is_written_at_the_end(plan: Plan, warnings: list[str]) -> None:
    store = Flaky(failures=2)
    recorder = Recorder(lambda: store, "there", "shop")
    first, *rest = events_of(plan)
    recorder(first)
    assert store.has_failed.wait(10)
    for event in rest:
        recorder(event)
    recorder.close()
    assert len(warnings) == 1
    assert {type(record).__name__ for record in store.kept} == {
        "RunRecord",
        "PlanRecord",
        "NodeRecord",
        "AttemptRecord",
        "OutputRecord",
        "ReadRecord",
    }


def test_a_store_that_hangs_holds_the_run_up_for_no_longer_than_it_may(plan: Plan, warnings: list[str]) -> None:
    release = Flag()

    def connect() -> Flaky:
        release.wait(30)
        return Flaky(0)

    recorder = Recorder(connect, "there", "shop")
    for event in events_of(plan):
        recorder(event)
    began = time.monotonic()
    recorder.close(timeout_s=0.2)
    assert time.monotonic() - began < 5
    assert len(warnings) == 1
    release.set()


def test_a_killed_run_is_shown_as_died(tmp_path: Path) -> None:
    (tmp_path / "jobs.py").write_text("import time\ndef a():\n    print('in a', flush=True)\n    time.sleep(60)\n")
    (tmp_path / "tauro.yml").write_text(
        "pipelines_config: {p: {nodes: [a], requires_dates: false}}\nnodes_config: {a: {function: jobs.a}}\n"
    )
    script = "import tauro; tauro.run('.', pipeline='p')"
    process = subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "in a\n"
    deadline = time.monotonic() + 20
    while (status := status_of(tmp_path)) is None and time.monotonic() < deadline:
        time.sleep(0.1)
    assert status == "running"
    time.sleep(1.2)  # two batches: the attempt is written too
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    whole = last(tmp_path)
    assert whole.run.status == DIED
    assert [one.status for one in whole.attempts] == [DIED]


def status_of(root: Path) -> str | None:
    with History(open_store(f"sqlite:{root / '.tauro/history.db'}", is_reader=True)) as history:
        return next((run.status for run in history.runs()), None)


class TestProcess:
    def run(self, **changes: object) -> RunRecord:
        here = this_process()
        values = dict.fromkeys(RunRecord._fields, "") | {
            "host": here.host,
            "pid": here.pid,
            "process_began": here.began,
            "boot_id": here.boot_id,
            "pid_namespace": here.pid_namespace,
        }
        return RunRecord(**{**values, **changes})  # type: ignore[arg-type]  # whatever the test needs

    def test_this_process_is_not_gone(self) -> None:
        assert not is_gone(self.run(), now=1000, seen=0)

    def test_a_number_that_another_process_has_now_is_gone(self) -> None:
        assert is_gone(self.run(process_began="1"), now=0, seen=0)

    def test_of_other_hosts_and_containers_nothing_is_known(self) -> None:
        assert not is_gone(self.run(host="elsewhere", pid=0), now=10**9, seen=0)
        assert not is_gone(self.run(pid_namespace="pid:[1]", pid=0), now=10**9, seen=0)

    def test_a_machine_started_again_has_lost_its_runs_unless_they_are_heard_of(self) -> None:
        assert is_gone(self.run(boot_id="before"), now=1000, seen=0)
        assert not is_gone(self.run(boot_id="before"), now=1000, seen=990)
