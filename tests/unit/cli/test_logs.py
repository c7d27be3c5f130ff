"""Which log messages are shown, and that none shows a secret."""

from __future__ import annotations

import subprocess
import sys

import pytest
from loguru import logger

from tauro.cli import logs


@pytest.fixture
def shown():
    """Configures logging, and gives the lines that are shown."""
    ends = []

    def configure(**how: bool) -> list[str]:
        lines: list[str] = []
        ends.append(
            logs.configure(
                lines.append,
                lambda text: text.replace("hunter2", "***"),
                **{"is_verbose": False, "is_quiet": False, **how},
            )
        )
        return lines

    yield configure
    for end in ends:
        end.close()


def log_from(module: str, level: str, message: str) -> None:
    """Logs as a module of that name would."""
    logger.patch(lambda record: record.update(name=module)).log(level, message)


def log_all() -> None:
    """One message of each kind."""
    for module in ("tauro.io.input", "shop.jobs"):
        for level in ("DEBUG", "INFO", "WARNING", "ERROR"):
            log_from(module, level, f"{module} {level}")


def texts(lines: list[str]) -> list[str]:
    return [line.split(maxsplit=2)[2] for line in lines]


def test_tauros_warnings_and_the_projects_information_are_shown(shown):
    lines = shown()
    log_all()
    assert texts(lines) == [
        "tauro.io.input WARNING",
        "tauro.io.input ERROR",
        "shop.jobs INFO",
        "shop.jobs WARNING",
        "shop.jobs ERROR",
    ]


def test_verbose_shows_everything_and_quiet_errors_alone(shown):
    lines = shown(is_verbose=True)
    log_all()
    assert len(lines) == 8
    lines = shown(is_quiet=True)
    log_all()
    assert texts(lines) == ["tauro.io.input ERROR", "shop.jobs ERROR"]


def test_secrets_are_redacted_in_messages_and_tracebacks(shown, tmp_path):
    lines = shown()
    with logs.log_to_file(tmp_path / "run.log", lambda text: text.replace("hunter2", "***")):
        try:
            password = "hunter2"
            raise ValueError(f"wrong: {password}")
        except ValueError:
            logger.exception("failed with hunter2")
    assert "hunter2" not in "".join(lines) + (tmp_path / "run.log").read_text()
    assert "***" in "".join(lines)


def test_a_project_that_removes_all_sinks_breaks_nothing(tmp_path):
    end = logs.configure(print, str, is_verbose=False, is_quiet=False)
    with logs.log_to_file(tmp_path / "run.log", str):
        logger.remove()
    end.close()
    assert (tmp_path / "run.log").is_file()


@pytest.mark.parametrize("is_verbose", [False, True])
def test_pysparks_repetition_of_an_error_is_shown_if_asked_for(is_verbose):
    pytest.importorskip("pyspark")
    script = (
        f"from tauro.cli import logs\nlogs.configure(print, str, is_verbose={is_verbose}, is_quiet=False)\n"
        "from pyspark.logger import PySparkLogger\n"
        "PySparkLogger.getLogger('SQLQueryContextLogger').exception('no such column', errorClass='X')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ("no such column" in done.stderr) is is_verbose
