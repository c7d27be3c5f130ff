"""A submitted run on its way: what the driver says is shown, signals are handed on, and its end becomes this one's."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from tauro.cli.edge import INTERRUPTED, TRANSIENT
from tauro.cli.render.documents import ErrorDocument, failure_document
from tauro.cli.signals import Interrupts
from tauro.cli.submitted import SUBMITTER
from tauro.errors import ExecutionError, HistoryError, SessionError
from tauro.launch.processes import end_in_words, signal_of
from tauro.launch.submit.command import DeployMode, Manager, kill_command
from tauro.launch.submit.outcome import Outcome, OutcomePlace
from tauro.launch.submit.process import SubmitProcess
from tauro.launch.submit.status import SparkStatus

if TYPE_CHECKING:
    from tauro.cli.invocation import Invocation
    from tauro.cli.submission import Prepared
    from tauro.config import Context

OUTCOME_COMES_WITHIN_S = 5.0
"""How much later than Spark's word of it the outcome may be seen in a shared folder."""

_OF_TAURO = frozenset({0, 1, 2, 3, 4, 5, 130})
_BADLY_ENDED = frozenset({"FAILED", "KILLED", "ERROR"})
"""States of a driver on a standalone cluster, whose `spark-submit` ends well all the same."""
_KILL_TIMEOUT_S = 60.0


class Submitting:
    """One submission.

    Args:
        context: the project.
        invocation: the call.
        prepared: what is submitted.
        is_quiet: whether errors alone are shown.
        is_verbose: whether all that Spark prints is.
    """

    def __init__(
        self, context: Context, invocation: Invocation, prepared: Prepared, *, is_quiet: bool, is_verbose: bool
    ) -> None:
        self._context = context
        self._invocation = invocation
        self._prepared = prepared
        self._is_quiet = is_quiet
        self._is_verbose = is_verbose
        self._is_here = prepared.mode is DeployMode.CLIENT
        folder = prepared.outcomes
        self._place = OutcomePlace(folder, prepared.run_id) if folder is not None else None
        self._status = SparkStatus()
        self._process: SubmitProcess | None = None
        self._stopped: str | None = None
        """Why it was asked to stop; None as long as it was not."""

    def go(self) -> int:
        """Submits, waits, and tells how the run ended; the exit code.

        Raises:
            SessionError: `spark-submit` can't be run.
        """
        prepared = self._prepared
        if self._place is not None:
            self._place.clear()  # of an earlier submission of the same run
        if not self._is_quiet:
            self._invocation.complain(f"submitted to {prepared.master} as run {prepared.run_id}")
        with Interrupts(self._stop, self._quit):
            try:
                self._process = SubmitProcess(
                    prepared.command,
                    {**prepared.environment, **({SUBMITTER: str(os.getpid())} if self._is_here else {})},
                    self._place,
                    is_driver_here=self._is_here,
                    only_watches=not self._is_here and prepared.manager is Manager.STANDALONE,
                    say=self._say,
                    log=self._log,
                )
            except OSError as error:
                raise SessionError(f"{prepared.command[0]} can't be run: {error}") from error
            code = self._process.wait()
            outcome = self._process.outcome(0.0 if self._is_here else OUTCOME_COMES_WITHIN_S)
        if self._place is not None:
            self._place.clear()
        return self._show(outcome) if outcome is not None else self._ended_unseen(code)

    def _say(self, line: str) -> None:
        """What a driver here prints; elsewhere, what `spark-submit` does."""
        if self._is_here:
            self._invocation.complain(line)
        else:
            self._log(line)

    def _log(self, line: str) -> None:
        news = self._status.read(line)
        if self._is_verbose:
            self._invocation.complain(line)
        elif news is not None and not self._is_quiet:
            self._invocation.complain(news)

    def _show(self, outcome: Outcome) -> int:
        if not self._is_here and outcome.complaints:
            self._invocation.complain(outcome.complaints.rstrip("\n"))
        self._invocation.out.write(outcome.answer)
        return outcome.exit_code

    def _ended_unseen(self, code: int) -> int:
        """What can be told of a run whose driver has left no word."""
        told = self._status.exit_code
        if told is None and self._prepared.manager is Manager.STANDALONE and self._status.state == "FINISHED":
            told = 0  # of others it does not tell the code
        if self._stopped is not None:
            return self._tell(f"{self._stopped}: the driver has ended without a word", INTERRUPTED)
        if self._is_here:
            why = f"spark-submit ended without the driver's word on the run: {end_in_words(code)}"
            return self._tell(why, TRANSIENT if signal_of(code) else ExecutionError.exit_code)
        if told in _OF_TAURO or (told is None and code == 0 and self._prepared.manager is Manager.YARN):
            ended = told or 0
            if ended == 0:
                if not self._is_quiet:
                    self._invocation.complain(f"run {self._prepared.run_id} is done; {self._where()}")
                if self._invocation.is_json:
                    self._invocation.answer(self._document(None))
                return 0
            return self._tell(self._from_history() or f"the driver ended with exit code {ended}", ended)
        if told is not None:
            return self._tell(f"the driver has died: {end_in_words(told)}", TRANSIENT)
        if self._status.application is not None and (code or self._status.state in _BADLY_ENDED):
            return self._tell(f"the driver has died: {(self._status.state or 'unknown').lower()}", TRANSIENT)
        why = f"spark-submit failed: {end_in_words(code)}" if code else "the cluster has not told how the driver ended"
        return self._tell(why, ExecutionError.exit_code)

    def _tell(self, message: str, code: int) -> int:
        """Tells a failure; the exit code again."""
        lines = self._status.last_lines()
        said = "".join(f"\n  {line}" for line in lines) if code != INTERRUPTED else ""
        if self._invocation.is_json:
            self._invocation.answer(self._document(message + said))
        else:
            where = f"\n{self._where()}" if not self._is_here else ""
            self._invocation.complain(f"error: {message}{said}{where}")
            self._invocation.complain(f"go on from there with:\n  {self._prepared.again}")
        return code

    def _document(self, message: str | None) -> dict[str, object]:
        """What is known of the run, in the form of a run's document."""
        error: ErrorDocument = {
            "type": "SubmitError",
            "message": message or "",
            "node": None,
            "attempt": None,
            "cause": None,
        }
        document = failure_document("submit", error)
        if message is None:
            document |= {"status": "completed", "error": None}
        return {**document, "run_id": self._prepared.run_id, "resume": self._prepared.again if message else None}

    def _where(self) -> str:
        """How to get at what the driver has printed."""
        status = self._status
        if self._prepared.manager is Manager.YARN:
            return f"what the driver said: yarn logs -applicationId {status.application or 'ID'}"
        if self._prepared.manager is Manager.STANDALONE:
            return (
                f"what the driver said: the files stdout and stderr of {status.application or 'the driver'} "
                f"in the work folder of {status.worker or 'its worker'}"
            )
        space = f" --namespace {status.namespace}" if status.namespace else ""
        return f"what the driver said: kubectl logs{space} {status.pod or 'POD'}"

    def _from_history(self) -> str | None:
        """Why the run failed, where its history is kept in a database that both see."""
        from tauro.cli.history import history_if_kept

        if "://" not in self._context.settings.history or self._context.settings.history.startswith("sqlite:"):
            return None
        try:
            history = history_if_kept(self._context)
            if history is None:
                return None
            with history:
                run = history.whole(history.find(self._prepared.run_id)).run
        except (HistoryError, KeyError):  # it is there to help, and can't
            return None
        return f"{run.error_type}: {run.error_message}" if run.error_type else None

    def _stop(self, reason: str) -> None:
        self._stopped = reason
        once_more = "once more ends it at once" if self._is_here else "once more has the cluster end it"
        if not self._is_quiet:
            self._invocation.complain(f"{reason}: stopping; {once_more}")
        if self._process is not None and not self._process.ask_to_stop(reason.rpartition(" ")[2]):
            self._invocation.complain("the driver can't be asked: it shares no folder with this machine (--outcome)")

    def _quit(self) -> None:
        """The last deed before a second signal ends this process."""
        if self._process is None:
            return
        if not self._is_here:
            self._end_on_cluster()
        self._process.kill()
        if self._invocation.is_json:
            self._invocation.answer(self._document("ended at once by a second signal"))
        self._invocation.complain(f"ended at once; go on from there with:\n  {self._prepared.again}")

    def _end_on_cluster(self) -> None:
        """Has the cluster end the application; says how, where that can't be done from here."""
        status, prepared = self._status, self._prepared
        name = status.application
        if prepared.manager is Manager.KUBERNETES:
            name = f"{status.namespace or 'default'}:{status.pod}" if status.pod is not None else None
        command = kill_command(prepared.spark_home, prepared.manager, prepared.master, name or "ID")
        if name is not None and shutil.which(command[0]):
            done = subprocess.run(
                command, env=dict(prepared.environment), capture_output=True, timeout=_KILL_TIMEOUT_S, check=False
            )
            if done.returncode == 0:
                return
        self._invocation.complain(f"the application may still run; end it with:\n  {' '.join(command)}")
