"""The operator that runs a pipeline, or a part of it, as one task."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from airflow.sdk import Asset, AssetAlias, BaseOperator, conf
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowTaskTimeout, TaskDeferred

from tauro.errors import InvalidValueError
from tauro.integrations.airflow.assets import published
from tauro.integrations.airflow.identity import TaskRun, run_id_of
from tauro.integrations.airflow.interval import window_of
from tauro.integrations.airflow.link import RunLink, link_to
from tauro.integrations.airflow.request import Request
from tauro.integrations.airflow.run_folder import RunFolder, remove_old
from tauro.integrations.airflow.starting import start
from tauro.integrations.airflow.trigger import TauroRunTrigger
from tauro.integrations.airflow.verdict import Ended, Verdict
from tauro.integrations.airflow.watch import Watch

_POLL_S = 0.3


class TauroOperator(BaseOperator):  # type: ignore[misc]  # Airflow lives in an environment of its own
    """Runs `tauro run` in a process of its own, and shows its log as the task's.

    The run's id comes from the task instance: a retry carries the run on where it stopped, a cleared task runs anew.
    Exit codes 2 (the project is wrong) and 3 (a node failed) fail the task at once, whatever retries are left; all
    others but 0 let Airflow retry.

    Args:
        project: the project's folder on the worker.
        pipeline: the pipeline's name.
        env: the environment; the base if None.
        start: the window's start, an ISO date (inclusive) or date-time; that of the data interval if None.
        end: the window's end, an ISO date (inclusive) or date-time (exclusive); likewise.
        has_window: False for a run without --start and --end.
        nodes: the nodes to run, one or several; all of the pipeline's if left out.
        settings: values for `${name}`, as --set gives them.
        wait: how long to wait for other runs that write the same outputs, such as `10m`.
        arguments: further options of `tauro run`, such as `["--max-workers", "8"]`.
        python: the interpreter of the environment that holds Tauro and Spark; the worker's own if None.
        env_vars: environment variables of the process, beside the worker's.
        runs_path: the folder for the runs' logs and results; `tauro/` in AIRFLOW_HOME if None. For a deferrable task,
            worker and triggerer must both see it.
        run_url: where a run has a page: a URL in which `{run_id}` stands for its id.
        deferrable: whether a trigger watches the run, so that it takes no worker's slot.
        poll_s: how often the trigger looks, in seconds.
        kwargs: those of every operator.
    """

    template_fields: Sequence[str] = (
        "project",
        "pipeline",
        "env",
        "start",
        "end",
        "nodes",
        "settings",
        "wait",
        "arguments",
        "python",
        "env_vars",
        "runs_path",
        "run_url",
    )
    template_fields_renderers = {"settings": "json", "env_vars": "json"}  # noqa: RUF012 - Airflow's own shape
    operator_extra_links = (RunLink(),)
    ui_color = "#f6d8c6"

    def __init__(
        self,
        *,
        project: str,
        pipeline: str,
        env: str | None = None,
        start: str | None = None,
        end: str | None = None,
        has_window: bool = True,
        nodes: str | Sequence[str] = (),
        settings: Mapping[str, str] | None = None,
        wait: str = "1m",
        arguments: Sequence[str] = (),
        python: str | None = None,
        env_vars: Mapping[str, str] | None = None,
        runs_path: str | None = None,
        run_url: str | None = None,
        deferrable: bool | None = None,
        poll_s: float = 5.0,
        **kwargs: Any,  # Any: those of every operator
    ) -> None:
        super().__init__(**kwargs)
        self.project = project
        self.pipeline = pipeline
        self.env = env
        self.start = start
        self.end = end
        self.has_window = has_window
        self.nodes = nodes
        self.settings = settings
        self.wait = wait
        self.arguments = arguments
        self.python = python
        self.env_vars = env_vars
        self.runs_path = runs_path
        self.run_url = run_url
        if deferrable is None:
            deferrable = conf.getboolean("operators", "default_deferrable", fallback=False)
        self.deferrable = deferrable
        self.poll_s = poll_s
        self.link: str | None = None
        """Known once the task is executed."""
        self._folder: RunFolder | None = None

    def execute(self, context: Any) -> dict[str, Any]:  # Any: Airflow's context; JSON
        """Runs the pipeline to its end, or leaves it to a trigger.

        Returns:
            What `tauro run --json` answers.

        Raises:
            AirflowFailException: the run failed in a way that another try would not mend.
            AirflowException: it failed, was stopped or is lost; another try carries it on.
        """
        request = self._request(context)
        folder = self._folder_of(context, request)
        self._show_link(context, folder)
        remove_old(folder.path.parent)
        command = request.command(self.python or sys.executable, folder.run_id, str(folder.log))
        try:
            attendant = start(folder, command, {key: str(value) for key, value in (self.env_vars or {}).items()})
        except OSError as error:
            raise AirflowException(f"the run's folder {folder.path} can't be written: {error}") from error
        self.log.info("run %s %s", folder.run_id, "goes on; watching it" if attendant is None else "begins")
        if self.deferrable:
            self._defer(folder)
        watch = Watch(folder)
        while True:
            lines, ended = watch.look()
            for line in lines:
                self.log.log(line.level, "%s", line.text)
            if ended is not None:
                return self._result(context, ended)
            if attendant is not None:
                attendant.poll()  # once it has ended the system may forget it
            time.sleep(_POLL_S)

    def execute_complete(self, context: Any, event: Mapping[str, Any]) -> dict[str, Any]:  # Any: as `execute`
        """What `execute` returns or raises, once the trigger has seen the run's end."""
        self.link = link_to(self.run_url, event["run_id"], event["log"])
        if event["is_late"]:
            raise AirflowTaskTimeout(f"run {event['run_id']} took longer than execution_timeout, and was stopped")
        return self._result(context, Ended(event["run_id"], event["code"], event["document"]))

    def on_kill(self) -> None:
        """Has the run stop: it cancels its Spark jobs and ends within seconds, whether the worker lives or not."""
        if self._folder is not None:
            self._folder.stop()
            self.log.info("stopping run %s", self._folder.run_id)

    def _request(self, context: Any) -> Request:  # Any: Airflow's
        nodes = (self.nodes,) if isinstance(self.nodes, str) else tuple(self.nodes or ())
        return Request(
            project=self.project,
            pipeline=self.pipeline,
            env=self.env or None,
            window=self._window(context) if self.has_window else None,
            nodes=nodes,
            settings=dict(self.settings or {}),
            wait=self.wait,
            arguments=tuple(self.arguments or ()),
        )

    def _window(self, context: Any) -> tuple[str, str]:  # Any: Airflow's
        try:
            if self.start and self.end:
                return self.start, self.end
            if self.start or self.end:
                raise InvalidValueError("only one of start and end is given", fix="give both, or neither")
            return window_of(context.get("data_interval_start"), context.get("data_interval_end"))
        except InvalidValueError as error:
            raise AirflowFailException(str(error)) from error

    def _folder_of(self, context: Any, request: Request) -> RunFolder:  # Any: Airflow's
        ti = context["ti"]
        map_index = -1 if ti.map_index is None else ti.map_index
        task = TaskRun(
            dag_id=ti.dag_id,
            task_id=ti.task_id,
            dag_run_id=ti.run_id,
            dag_run_start=str(context["dag_run"].start_date),
            map_index=map_index,
            max_tries=ti.max_tries,
            retries=self.retries or 0,
        )
        home = os.environ.get("AIRFLOW_HOME") or Path.home() / "airflow"
        runs = Path(self.runs_path) if self.runs_path else Path(home) / "tauro"
        self._folder = RunFolder(runs.absolute() / run_id_of(task, request.identity))
        return self._folder

    def _show_link(self, context: Any, folder: RunFolder) -> None:  # Any: Airflow's
        """Makes the link known now: Airflow itself would do so when the task is over."""
        self.link = link_to(self.run_url, folder.run_id, str(folder.log))
        context["ti"].xcom_push(key=RunLink().xcom_key, value=self.link)

    def _defer(self, folder: RunFolder) -> NoReturn:
        limit_s = self.execution_timeout.total_seconds() if self.execution_timeout else None
        deadline = None if limit_s is None else time.time() + limit_s
        trigger = TauroRunTrigger(path=str(folder.path), poll_s=self.poll_s, deadline=deadline)
        raise TaskDeferred(trigger=trigger, method_name="execute_complete")

    def _result(self, context: Any, ended: Ended) -> dict[str, Any]:  # Any: Airflow's; JSON
        if ended.verdict is Verdict.DONE:
            self._tell_assets(context, ended)
            return dict(ended.document)
        for text in (ended.cause, *ended.problems):
            if text:
                self.log.error("%s", text)
        raise (AirflowFailException if ended.verdict is Verdict.FAIL else AirflowException)(ended.message)

    def _tell_assets(self, context: Any, ended: Ended) -> None:  # Any: Airflow's
        """Gives the outlets' events the rows and the run; an alias among the outlets stands for every output."""
        events = context["outlet_events"]
        declared = {outlet.uri: outlet for outlet in self.outlets if isinstance(outlet, Asset)}
        aliases = [outlet for outlet in self.outlets if isinstance(outlet, AssetAlias)]
        for one in published(ended.document):
            asset = Asset(one.uri)
            if asset.uri in declared:
                events[declared[asset.uri]].extra.update(one.extra)
                continue
            for alias in aliases:
                events[alias].add(asset, extra=one.extra)
