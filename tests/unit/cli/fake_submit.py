"""Stands for `spark-submit`: runs the real driver script with an executor that runs nothing, as a cluster would.

FAKE_SUBMIT is JSON: `cluster` says whose words it uses for how the driver ended, `standalone`, `yarn` or `kubernetes`,
none for a driver that runs here; `dies` has the driver be killed at its start, `fails` is what it says in place of
starting one, `blind` has the driver find no folder for the outcome, `shows` has what it says on standard error be seen.
"""

from __future__ import annotations

import json
import os
import runpy
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

FAKED = Path(__file__).with_name("faked.py")


def main(words: list[str]) -> int:
    asked: dict[str, str] = json.loads(os.environ.get("FAKE_SUBMIT", "{}"))
    options, script, arguments = _parsed(words)
    if "fails" in asked:
        print(asked["fails"], file=sys.stderr)
        return 1
    cluster = asked.get("cluster")
    with tempfile.TemporaryDirectory() as folder:
        for archive in options.get("--archives", "").split(","):
            path, _, name = archive.partition("#")
            if name == "project":
                with zipfile.ZipFile(path) as stream:
                    stream.extractall(Path(folder, name))
        if asked.get("blind"):
            arguments[arguments.index("--outcome") + 1] = f"{folder}/elsewhere"
        python_path = os.pathsep.join([*options.get("--py-files", "").split(","), os.environ["PYTHONPATH"]])
        if cluster == "standalone":
            print("INFO ClientEndpoint: State of driver-17-0001 is RUNNING", file=sys.stderr)
            script = shutil.copy(script, folder)
            assert arguments[:2] == [Path(script).name, ""]  # for Spark's runner: the file, and its --py-files
            arguments = arguments[2:]
        if cluster == "yarn":
            _report("application_17_0001 (state: ACCEPTED)", "Application report for")
            _report("application_17_0001 (state: RUNNING)", "Application report for")
        driver = subprocess.Popen(
            [sys.executable, __file__, "--driver", script, *arguments],
            cwd=folder if cluster else None,
            env={**os.environ, "PYTHONPATH": python_path},
            stdout=subprocess.DEVNULL if cluster else None,
            stderr=sys.stderr if asked.get("shows") else subprocess.STDOUT,
        )
        if asked.get("dies"):
            driver.kill()
        code = driver.wait()
    code = 128 - code if code < 0 else code
    if cluster == "standalone":
        state = "FAILED" if code else "FINISHED"
        print(f"INFO ClientEndpoint: State of driver driver-17-0001 is {state}, exiting", file=sys.stderr)
        return 0
    if cluster == "yarn" and code:
        print(
            f"ERROR Client: Application diagnostics message: User application exited with status {code}",
            file=sys.stderr,
        )
        return 1
    if cluster == "kubernetes":
        print(f"\t pod name: shop-driver\n\t namespace: jobs\n\t exit code: {code}", file=sys.stderr)
        return 0
    return code


def drive(script: str, arguments: list[str]) -> None:
    """The driver's process."""
    from tauro.cli.executors import EXECUTORS

    EXECUTORS.add("batch", runpy.run_path(str(FAKED))["FakeExecutor"])
    sys.argv = [script, *arguments]
    sys.path.insert(0, str(Path(script).parent))  # where Python finds a script's modules
    runpy.run_path(script, run_name="__main__")


def _parsed(words: list[str]) -> tuple[dict[str, str], str, list[str]]:
    options: dict[str, str] = {}
    at = 0
    while words[at].startswith("--"):
        has_value = words[at] != "--verbose"
        options[words[at]] = words[at + 1] if has_value else ""
        at += 1 + has_value
    return options, words[at], words[at + 1 :]


def _report(text: str, begin: str) -> None:
    print(f"INFO Client: {begin} {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.argv[1] == "--driver":
        drive(sys.argv[2], sys.argv[3:])
    else:
        sys.exit(main(sys.argv[1:]))
