"""A `spark-submit` that starts no JVM: it tells an address, notes that it ran, and lives until its input ends."""

from __future__ import annotations

from pathlib import Path

_SCRIPT = r"""#!/bin/sh
echo $$ >> "{ran}"
{before}
printf '\0\0\1\2\0\0\0\3key' > "$_PYSPARK_DRIVER_CONN_INFO_PATH.new"
mv "$_PYSPARK_DRIVER_CONN_INFO_PATH.new" "$_PYSPARK_DRIVER_CONN_INFO_PATH"
read line
exit 7
"""


class Standin:
    """A folder with such a program.

    Args:
        folder: where it is made.
        before: what the script does first, such as `exit 1`.
    """

    def __init__(self, folder: Path, before: str = "") -> None:
        self.program = folder / "bin" / "spark-submit"
        self._ran = folder / "ran"
        self.program.parent.mkdir(parents=True)
        self.program.write_text(_SCRIPT.format(ran=self._ran, before=before))
        self.program.chmod(0o755)

    def command(self, *words: str) -> list[str]:
        """A call of it."""
        return [str(self.program), *words, "pyspark-shell"]

    def pids(self) -> list[int]:
        """The processes that it has been so far."""
        return [int(line) for line in self._ran.read_text().split()] if self._ran.exists() else []
