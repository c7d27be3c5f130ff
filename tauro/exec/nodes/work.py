"""One attempt at one node: load its inputs, do its command, check what came back, write it, release what it used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any

from tauro.config import Context
from tauro.errors import ResultError
from tauro.exec.nodes.attempt import Attempt
from tauro.exec.nodes.commands import MlInfo, NodeCommands
from tauro.exec.nodes.handover import Frame, Handover, frames_in, let_go
from tauro.exec.nodes.outputs import NodeOutputs
from tauro.exec.planning.plan import sole_table
from tauro.exec.ports import InputPort, OutputPort
from tauro.exec.runs.journal import RunJournal, read_versions
from tauro.exec.utils import RawConfig
from tauro.io.input import InputLoader
from tauro.io.output import OutputManager
from tauro.io.overlay import Overlay
from tauro.io.versions import ReadVersions
from tauro.model.outcome import OutputResult, ReadVersion
from tauro.model.plan import Origin, Plan, PlannedInput, PlannedNode
from tauro.model.settings import Publish
from tauro.publish.journal import NodeNote
from tauro.publish.together import StagedOutput
from tauro.spark.active import active_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class NodeWork:
    """Does the nodes of a plan for the run loop; `attempt` runs on many threads at once.

    Args:
        context: the project, with the run's values filled in.
        plan: what runs.
        loader: reads inputs.
        manager: writes outputs.
        ml_info: what machine-learning nodes are told.
        run_id: the run's id.
        session: the Spark session; None if nothing in the plan needs one.
        node_configs: name -> the node's entry, as loaders, managers and machine-learning nodes are told it; the
            project's own if None.
        overlay: where what is staged is laid for the run's other nodes; the loader looks there.
        before_publish: called right before a node's outputs are published; raises if they must not be.
        journal: told of each node that is done; None if nobody could carry on with the run.
        versions: of what is read; None where nobody asks for them.
    """

    def __init__(
        self,
        context: Context,
        plan: Plan,
        loader: InputPort,
        manager: OutputPort,
        *,
        ml_info: MlInfo | None,
        run_id: str,
        session: SparkSession | None,
        node_configs: Mapping[str, RawConfig] | None = None,
        overlay: Overlay | None = None,
        before_publish: Callable[[], object] = lambda: None,
        journal: RunJournal | None = None,
        versions: ReadVersions | None = None,
    ) -> None:
        self._configs = context.nodes_config if node_configs is None else node_configs
        self._plan = plan
        self._loader = loader
        self._manager = manager
        self._outputs = (
            NodeOutputs(
                manager,
                plan,
                run_id,
                overlay=overlay or Overlay(),
                journal=journal,
                versions=versions,
                before_publish=before_publish,
            )
            if isinstance(manager, OutputManager)
            else None
        )
        """None where somebody else's manager writes."""
        self._session = session
        self._start = plan.window.start if plan.window else None
        self._end = plan.window.end if plan.window else None
        self._sources = {name: _returned_by(node) for name, node in plan.nodes.items()}
        readers: dict[str, int] = {}
        for sources in self._sources.values():
            for source in sources:
                readers[source] = readers.get(source, 0) + 1
        self._handover = Handover(readers)
        self._commands = NodeCommands(
            context, plan, loader, ml_info=ml_info, session=session, node_configs=self._configs
        )
        self._before_publish = before_publish
        self._journal = journal
        self._versions = versions
        self._reads: dict[str, tuple[ReadVersion, ...]] = {}
        self._written: dict[str, OutputResult] = {}  # output id -> what this run has written there

    def attempt(self, attempt: Attempt) -> tuple[OutputResult, ...]:
        """Makes one try at a node.

        Raises:
            AttemptCancelledError: it was called off.
            ReadError, ResultError, WriteError: an input, the result or an output is at fault.
            Exception: whatever the node's function raises.
        """
        node = self._plan.nodes[attempt.node]
        with self._tagged(attempt):
            attempt.check()
            if self._journal is not None:
                self._journal.begin(node)
            positional, keywords = self._inputs(node)
            attempt.check()
            value = self._commands.command(node, positional, keywords).execute()
            try:
                attempt.check()
                return self._finish(node, value, attempt)
            except BaseException:
                let_go(value, but=(*positional, *keywords.values()))  # nobody else will
                raise

    def cancel(self, attempt: Attempt) -> None:
        """Cancels the attempt's Spark jobs, as far as they run."""
        session = self._session or active_session()
        if session is None:
            return
        from tauro.io.writing import spark_errors
        from tauro.spark.jobs import cancel

        with suppress(*spark_errors(), OSError):  # of a JVM, or a server, that is gone no job is left to be cancelled
            cancel(session, attempt.tag)

    def reads(self, node: str) -> tuple[ReadVersion, ...]:
        """What the node's last attempt has read from storage."""
        return self._reads.get(node, ())

    def ended(self, node: str) -> None:
        """The node needs nothing of the others any more."""
        if self._sources[node]:
            self._handover.done_reading(node, self._sources[node])

    @property
    def staged(self) -> list[StagedOutput]:
        """What waits to be published with the run, in the plan's order; nothing under `publish: node`."""
        return self._outputs.staged if self._outputs is not None else []

    def adopt(self, done: Mapping[str, NodeNote]) -> None:
        """Takes over what an earlier process of the run has done, for the nodes that are still to run.

        Args:
            done: the nodes that need not run, as the journal has them.
        """
        readers = {source for name, sources in self._sources.items() if name not in done for source in sources}
        for name, note in done.items():
            node = self._plan.nodes[name]
            if not node.outputs or self._journal is None or self._outputs is None:
                continue
            if self._plan.publish is Publish.RUN:
                staged = self._journal.staged(note)
                self._outputs.adopt(node, staged)
                rows = staged[0].staged.rows() if name in readers else None
            elif name in readers and isinstance(self._loader, InputLoader):
                table = sole_table(node.outputs)
                rows = self._loader.load_output(table, None) if table is not None else None
            else:
                rows = None
            if rows is not None:
                self._handover.keep(name, rows)

    def close(self, *, keeps: bool = False) -> None:
        """Lets go of everything that was kept.

        Args:
            keeps: whether what is staged stays where it lies, for the run to be carried on.
        """
        self._handover.close()
        if self._outputs is not None:
            self._outputs.close(keeps=keeps)

    def _tagged(self, attempt: Attempt) -> AbstractContextManager[object]:
        session = self._session or active_session()
        if session is None:
            return nullcontext()
        from tauro.spark.jobs import tag

        return tag(session, attempt.tag)

    def _inputs(self, node: PlannedNode) -> tuple[list[Any], dict[str, Any]]:
        """What the node gets by position and by keyword."""
        if not node.inputs:
            return [], {}
        stored = [one for one in node.inputs if one.origin is not Origin.RETURNED]
        if self._versions is not None:
            self._reads[node.name] = tuple(read_versions(self._versions, node))
        if isinstance(self._loader, InputLoader):
            loaded = iter([self._read(one, self._loader) for one in stored])
        else:
            loaded = iter(self._loader.load_inputs(self._config_of(node, self._as_given(node))) if stored else [])
        positional: list[Any] = []
        keywords: dict[str, Any] = {}
        for one in node.inputs:
            value = self._handover.get(one.node or one.id) if one.origin is Origin.RETURNED else next(loaded)
            if one.keyword is None:
                positional.append(value)
            else:
                keywords[one.keyword] = value
        return positional, keywords

    def _read(self, one: PlannedInput, loader: InputLoader) -> Any:
        if one.spec is not None:
            return loader.load(one.spec, self._plan.window)
        if one.output is None:
            raise ResultError(f"input {one.id!r} has no place to be read from")
        written = self._written.get(one.id)
        return loader.load_output(one.output, written.schema if written else None)

    def _finish(self, node: PlannedNode, value: Any, attempt: Attempt) -> tuple[OutputResult, ...]:
        """Writes what the node returned, and keeps what others read of it."""
        name = node.name
        readers = self._handover.readers_of(name)
        if not node.outputs:
            frames = self._persisted(value) if readers > 1 else ()
            self._handover.keep(name, value, self._sources[name], frames)
            if self._journal is not None:
                self._journal.note(node, ())
            return ()
        if value is None:
            raise ResultError(
                f"returned None for {_listed(node)}", where=f"node {name!r}", fix="return the DataFrame to be written"
            )
        if self._outputs is None:
            self._before_publish()
            attempt.begin_publishing()
            saved = self._manager.save_output(self._config_of(node), value, self._start, self._end)
            self._handover.keep(name, value, self._sources[name])
            return (
                tuple(saved) if _are_results(saved) else tuple(_unknown(one.id, one.location) for one in node.outputs)
            )
        if self._plan.publish is Publish.RUN:
            return self._stage(node, value, attempt, self._outputs)
        return self._publish(node, value, attempt, self._outputs)

    def _stage(self, node: PlannedNode, value: Any, attempt: Attempt, outputs: NodeOutputs) -> tuple[OutputResult, ...]:
        """Stages the node's outputs; those who ask for what it returned read it from there, as far as that can be."""
        name = node.name
        readers = self._handover.readers_of(name)
        reads_back = len(node.outputs) == 1
        with self._kept(value if readers and not reads_back else None) as frames:
            staged = outputs.stage(node, value, attempt)
        rows = staged[0].staged.rows() if readers and reads_back else None
        if rows is not None:
            self._handover.keep(name, rows)
        else:
            if readers and not frames:
                frames = self._persisted(value)
            self._handover.keep(name, value, () if frames else self._sources[name], frames)
        return tuple(
            OutputResult(o.id, o.spec.format or "", path=o.spec.path, table=o.spec.table, is_published=False)
            for o in node.outputs
        )

    def _publish(
        self, node: PlannedNode, value: Any, attempt: Attempt, outputs: NodeOutputs
    ) -> tuple[OutputResult, ...]:
        """Publishes the node's outputs; those who ask for what it returned read the table, if it holds just that."""
        name = node.name
        readers = self._handover.readers_of(name)
        table = sole_table(node.outputs)
        with self._kept(value if readers and table is None else None) as frames:
            results = outputs.publish(node, value, attempt)
        self._written |= {one.id: one for one in results}
        if readers and table is not None and isinstance(self._loader, InputLoader):
            self._handover.keep(name, self._loader.load_output(table, results[0].schema))
        else:
            self._handover.keep(name, value, () if frames else self._sources[name], frames)
        return results

    @contextmanager
    def _kept(self, value: Any) -> Iterator[tuple[Frame, ...]]:
        """The frames of `value`, persisted; released again if the block fails."""
        frames = self._persisted(value)
        try:
            yield frames
        except BaseException:
            for frame in frames:
                frame.unpersist()
            raise

    @staticmethod
    def _persisted(value: Any) -> tuple[Frame, ...]:
        """The frames of `value`, marked to be kept once they are computed."""
        frames = frames_in(value)
        for frame in frames:
            frame.persist()
        return frames

    def _as_given(self, node: PlannedNode) -> list[Any]:
        """The inputs that are not handed over in memory, as they stand in the node's entry: ids, or inline entries."""
        given = self._configs.get(node.name, {}).get("input")
        items = list(given.values()) if isinstance(given, Mapping) else [given] if isinstance(given, str) else given
        if not isinstance(items, list | tuple) or len(items) != len(node.inputs):
            items = [one.id for one in node.inputs]
        return [item for item, one in zip(items, node.inputs, strict=True) if one.origin is not Origin.RETURNED]

    def _config_of(self, node: PlannedNode, inputs: list[Any] | None = None) -> dict[str, Any]:
        """The node's entry as the documented ports take it."""
        config = dict(self._configs.get(node.name, {}))
        config |= {"name": node.name, "start_date": self._start, "end_date": self._end}
        if inputs is not None:
            config["input"] = inputs
        return config


def _returned_by(node: PlannedNode) -> tuple[str, ...]:
    """The nodes whose results this one is handed in memory, each once."""
    named = [one.node for one in node.inputs if one.origin is Origin.RETURNED and one.node is not None]
    return tuple(named) if len(named) < 2 else tuple(dict.fromkeys(named))


def _listed(node: PlannedNode) -> str:
    return "output " + ", ".join(repr(one.id) for one in node.outputs)


def _are_results(saved: Any) -> bool:
    return isinstance(saved, tuple | list) and bool(saved) and all(isinstance(one, OutputResult) for one in saved)


def _unknown(id: str, location: str) -> OutputResult:
    """An output that somebody else's manager wrote, about which nothing is known."""
    return OutputResult(id, format="custom", path=location or None)
