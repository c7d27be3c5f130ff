"""A real Airflow for the tests: scheduler, API server, DAG processor and triggerer, on SQLite and a loopback port."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.support.jvms import plain_environment
from tests.support.servers import end_with_parent, free_port

ROOT = Path(__file__).parents[2]
ENVIRONMENT = ROOT / ".airflow"
"""Where the tests' Airflow is installed."""
_PARTS = (
    ("api-server",),
    ("scheduler", "--skip-serve-logs"),  # else it listens on every address
    ("dag-processor",),
    ("triggerer", "--skip-serve-logs"),
)
"""What `airflow standalone` starts, too."""
START_TIMEOUT_S = 180.0
TASK_TIMEOUT_S = 120.0
_POLL_S = 0.5
_OVER = frozenset({"success", "failed", "skipped", "upstream_failed"})


@dataclass(frozen=True)
class Airflow:
    """How to reach it."""

    home: Path
    """AIRFLOW_HOME."""
    url: str
    token: str

    @property
    def runs(self) -> Path:
        """Where the operator keeps the runs' folders."""
        return self.home / "tauro"

    def call(self, method: str, path: str, body: object = None) -> Any:
        """What the REST API answers, as parsed JSON."""
        return _call(method, f"{self.url}/api/v2/{path}", body, self.token)

    def trigger(self, dag_id: str, ended_on: str = "2025-01-05") -> str:
        """Has a daily DAG run now, for the day before `ended_on`; the id of its run."""
        run = self.call("POST", f"dags/{dag_id}/dagRuns", {"logical_date": f"{ended_on}T00:00:00Z"})
        return str(run["dag_run_id"])

    def task(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
        """A task instance."""
        found: dict[str, Any] = self.call("GET", f"dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances/{task_id}")
        return found

    def wait_for(self, dag_id: str, run_id: str, task_id: str, *states: str, try_number: int = 0) -> dict[str, Any]:
        """A task instance once it has one of the states, in that try or a later one; the test fails if it never has."""
        deadline = time.monotonic() + TASK_TIMEOUT_S
        while True:
            task = self.task(dag_id, run_id, task_id)
            if task["state"] in states and task["try_number"] >= try_number:
                return task
            if time.monotonic() > deadline or (task["state"] in _OVER and try_number <= task["try_number"]):
                log = self.log(dag_id, run_id, task_id, task["try_number"])
                raise AssertionError(f"{dag_id}.{task_id} is {task['state']}, try {task['try_number']}:\n{log}")
            time.sleep(_POLL_S)

    def clear(self, dag_id: str, run_id: str, task_id: str) -> None:
        """Clears a task instance, whatever its state."""
        body = {"dag_run_id": run_id, "task_ids": [task_id], "dry_run": False, "only_failed": False}
        self.call("POST", f"dags/{dag_id}/clearTaskInstances", body)

    def mark_failed(self, dag_id: str, run_id: str, task_id: str) -> None:
        """Marks a task instance failed, as a person does to stop it."""
        path = f"dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances/{task_id}"
        self.call("PATCH", path, {"new_state": "failed"})

    def log(self, dag_id: str, run_id: str, task_id: str, try_number: int) -> str:
        """The log of one try, as the page shows it: level, message, and what was raised."""
        path = f"dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances/{task_id}/logs/{try_number}?full_content=true"
        shown = []
        for line in self.call("GET", path)["content"]:
            shown.append(f"{line.get('level', '')} {line['event']}")
            shown += [f"{error['exc_type']}: {error['exc_value']}" for error in line.get("error_detail", ())]
        return "\n".join(shown)

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value") -> Any:
        """What a task left under a key."""
        path = f"dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances/{task_id}/xcomEntries/{key}"
        return self.call("GET", path)["value"]


@contextmanager
def running_airflow(dags: Mapping[str, str], variables: Mapping[str, str] | None = None) -> Iterator[Airflow]:
    """An Airflow of its own for as long as the block lasts.

    Args:
        dags: the DAG files, by their names.
        variables: of its environment, in place of those of the tests.
    """
    installed = _installed()
    home = Path(tempfile.mkdtemp(prefix="tauro-airflow-"))
    for name, text in dags.items():
        (home / "dags").mkdir(exist_ok=True)
        (home / "dags" / name).write_text(text)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        **(plain_environment() if variables is None else variables),
        "PATH": f"{installed / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "AIRFLOW_HOME": str(home),
        **{f"AIRFLOW__{name}": value for name, value in _settings(home, port, url).items()},
    }
    parts: list[subprocess.Popen[bytes]] = []
    try:
        with (home / "airflow.log").open("wb") as log:
            airflow = [str(installed / "bin" / "airflow")]
            subprocess.run(
                [*airflow, "db", "migrate"], env=environment, cwd=home, stdout=log, stderr=subprocess.STDOUT, check=True
            )
            parts += [
                subprocess.Popen(
                    [*airflow, *part],
                    env=environment,
                    cwd=home,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    preexec_fn=end_with_parent,
                )
                for part in _PARTS
            ]
        yield Airflow(home, url, _token(parts, url, home))
    finally:
        for part in parts:
            _end(part)
        _end_runs(home / "tauro")
        shutil.rmtree(home, ignore_errors=True)


def _settings(home: Path, port: int, url: str) -> dict[str, str]:
    return {
        "CORE__DAGS_FOLDER": str(home / "dags"),
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "CORE__PARALLELISM": "4",
        "CORE__DEFAULT_TASK_RETRY_DELAY": "1",
        "API__HOST": "127.0.0.1",
        "API__PORT": str(port),
        "API__WORKERS": "1",
        "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.3",
        "DAG_PROCESSOR__REFRESH_INTERVAL": "1",
        "DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "1",
        "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "TRIGGERER__JOB_HEARTBEAT_SEC": "1",
    }


def _token(parts: Sequence[subprocess.Popen[bytes]], url: str, home: Path) -> str:
    """A token of the API, once it answers."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while all(part.poll() is None for part in parts) and time.monotonic() < deadline:
        with suppress(OSError):
            return str(_call("GET", f"{url}/auth/token", None, None)["access_token"])
        time.sleep(_POLL_S)
    raise AssertionError(f"Airflow did not start:\n{(home / 'airflow.log').read_text()[-5000:]}")


def _end(part: subprocess.Popen[bytes]) -> None:
    """Ends a part, and what it has started, at once: nothing of it is to be kept."""
    with suppress(ProcessLookupError):
        os.killpg(part.pid, signal.SIGKILL)
    part.wait()


def _end_runs(runs: Path) -> None:
    """Stops what a test has left running; runs belong to no worker."""
    left = [path for path in runs.glob("*") if (path / "attendant.json").exists() and not (path / "end.json").exists()]
    for path in left:
        (path / "stop").touch()
    deadline = time.monotonic() + 30
    while not all((path / "end.json").exists() for path in left) and time.monotonic() < deadline:
        time.sleep(_POLL_S)


def _call(method: str, url: str, body: object, token: str | None) -> Any:
    request = urllib.request.Request(
        url,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Accept": "application/json",
            "Content-Type": "application/json",
            **({"Authorization": f"Bearer {token}"} if token else {}),
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{method} {url}: {error.code} {error.read()[:2000].decode()}") from error
    return json.loads(text) if text else None


def wait_until(is_so: Callable[[], object], timeout_s: float, what: str) -> None:
    """Waits for something that is going to happen; the test fails if it does not."""
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def _installed() -> Path:
    """The environment with Airflow, made if need be, by one test process at a time."""
    with (ROOT / ".airflow.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run([str(ROOT / "scripts" / "install-airflow"), str(ENVIRONMENT)], check=True)
    return ENVIRONMENT
