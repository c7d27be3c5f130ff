"""What a plan says of how outputs are published is what holds where they lie."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tauro.io.promises import publishing_of
from tauro.model import Mode, OutputSpec
from tauro.model.plan import Publishing, PublishWay
from tauro.storage.abilities import Abilities

LINUX = Abilities("ext4", is_object_store=False, can_exchange=True, can_link=True)
NO_EXCHANGE = Abilities("nfs4", is_object_store=False, can_exchange=False, can_link=True)
NO_LINKS = Abilities("vfat", is_object_store=False, can_exchange=True, can_link=False)
NOT_TRIED = Abilities("ext4", is_object_store=False, can_exchange=None, can_link=None)
BUCKET = Abilities("fuse.s3fs", is_object_store=True, can_exchange=None, can_link=None)
APPEND = {"write_mode": "append"}
WINDOW = {"overwrite_scope": "window", "window_column": "day", "partition_by": "day"}


def told(can: Abilities = LINUX, mode: str = Mode.LOCAL, **fields: Any) -> Publishing:
    return publishing_of(OutputSpec.parse("out", fields), mode=mode, look=lambda _: can)


def delta_table(folder: Path, commits: list[list[dict[str, Any]]]) -> str:
    log = folder / "_delta_log"
    log.mkdir(parents=True)
    for number, actions in enumerate(commits):
        (log / f"{number:020}.json").write_text(
            "".join(json.dumps(one, separators=(",", ":")) + "\n" for one in actions)
        )
    return str(folder)


def protocol(*features: str) -> dict[str, Any]:
    return {"protocol": {"minReaderVersion": 1, "minWriterVersion": 7, "writerFeatures": list(features)}}


@pytest.mark.parametrize("form", ["parquet", "csv", "json", "orc", "avro"])
def test_files_are_swapped_in_one_step_where_the_file_system_can(form: str) -> None:
    found = told(format=form, path="/data/out", **({} if form == "csv" else APPEND))
    assert found == Publishing(PublishWay.SWAP, "swapped in as a whole folder, in one step")


def test_an_instant_without_the_table_is_told_where_folders_are_not_exchanged() -> None:
    found = told(NO_EXCHANGE, format="parquet", path="/data/out")
    assert found.way is PublishWay.SWAP
    assert found.limits == ("nfs4 swaps no folders in one step: for an instant the table is not there",)


@pytest.mark.parametrize("fields", [APPEND, WINDOW, {"overwrite_scope": "partitions", "partition_by": "day"}])
def test_what_keeps_files_fails_where_there_are_no_hard_links(fields: dict[str, Any]) -> None:
    found = told(NO_LINKS, format="parquet", path="/data/out", **fields)
    assert found.way is PublishWay.NEVER
    assert "hard links, which vfat does not know" in found.how
    assert told(NO_LINKS, format="parquet", path="/data/out").way is PublishWay.SWAP


def test_what_could_not_be_tried_is_not_promised() -> None:
    found = told(NOT_TRIED, format="parquet", path="/data/out")
    assert found.how == "swapped in as a whole folder"
    assert found.limits == ("nothing may be written in /data now, so what its file system can do was not tried",)


def test_on_a_mounted_object_store_files_are_moved_one_by_one_and_delta_promises_more() -> None:
    found = told(BUCKET, format="parquet", path="/mnt/bucket/out")
    assert found.way is PublishWay.COPY
    assert "fuse.s3fs shows an object store" in found.how
    assert any("readers can see a part" in limit for limit in found.limits)
    assert any("format: delta" in limit for limit in found.limits)
    late = told(BUCKET, format="delta", path="/mnt/bucket/out")
    assert late.way is PublishWay.LATE_COMMIT
    assert any("only one writer at a time" in limit for limit in late.limits)


def test_files_on_an_object_store_are_copied_in_and_delta_is_written_directly() -> None:
    files = told(format="parquet", path="s3a://bucket/out")
    assert files.way is PublishWay.COPY
    assert "old and new rows side by side" in files.limits[0]
    assert "format: delta" in files.limits[-1]
    refused = told(mode=Mode.CONNECT, format="parquet", path="s3a://bucket/out")
    assert (refused.way, refused.how.partition(":")[0]) == (PublishWay.NEVER, "refused")
    on_s3 = told(format="delta", path="s3a://bucket/out")
    assert on_s3.way is PublishWay.DIRECT_COMMIT
    assert on_s3.how.endswith("the table lies on remote storage")
    assert any("S3DynamoDBLogStore" in limit for limit in on_s3.limits)
    elsewhere = told(format="delta", path="abfss://box@account.dfs.core.windows.net/out")
    assert not any("S3" in limit for limit in elsewhere.limits)


def test_files_on_a_file_system_of_hadoops_are_swapped_by_renames_where_nothing_lives_on() -> None:
    whole = told(format="parquet", path="hdfs://host/out")
    assert (whole.way, whole.how) == (PublishWay.SWAP, "swapped in as a whole folder, by renames")
    added = told(format="parquet", path="hdfs://host/out", **APPEND)
    assert (added.way, added.how) == (
        PublishWay.COPY,
        "moved in file by file: hdfs knows no hard links for the files that live on",
    )


def test_a_new_delta_table_is_put_in_place_unless_its_folder_holds_something(tmp_path: Path) -> None:
    path = str(tmp_path / "out")
    assert told(format="delta", path=path).how == "staged beside its place, then put there in one step: a new table"
    Path(path).mkdir()
    assert told(format="delta", path=path).way is PublishWay.LATE_COMMIT
    (tmp_path / "out" / "file").touch()
    found = told(format="delta", path=path)
    assert found.way is PublishWay.DIRECT_COMMIT
    assert found.how.endswith("its folder holds something else")


def test_a_delta_table_of_known_features_is_committed_late(tmp_path: Path) -> None:
    path = delta_table(tmp_path / "out", [[protocol("deletionVectors", "columnMapping")]])
    found = told(format="delta", path=path, write_mode="merge", keys="id")
    assert found == Publishing(
        PublishWay.LATE_COMMIT, "staged beside the table, then committed late: one commit, nothing is copied"
    )


@pytest.mark.parametrize(
    ("features", "fields", "reason"),
    [
        (["clustering", "domainMetadata"], {}, "the table is clustered"),
        (["icebergCompatV9"], APPEND, "the table has icebergCompatV9"),
        (["rowTracking", "domainMetadata"], {}, "the table tracks rows, which only an append leaves as they are"),
    ],
)
def test_a_delta_table_of_other_features_is_written_directly(
    tmp_path: Path, features: list[str], fields: dict[str, Any], reason: str
) -> None:
    path = delta_table(tmp_path / "out", [[protocol(*features)], [{"commitInfo": {}}]])
    found = told(format="delta", path=path, **fields)
    assert found.way is PublishWay.DIRECT_COMMIT
    assert found.how.endswith(f": {reason}")


def test_an_append_to_a_table_that_tracks_rows_is_committed_late(tmp_path: Path) -> None:
    path = delta_table(tmp_path / "out", [[protocol("rowTracking")]])
    assert told(format="delta", path=path, **APPEND).way is PublishWay.LATE_COMMIT


def test_the_newest_versions_checksum_tells_the_features(tmp_path: Path) -> None:
    path = delta_table(tmp_path / "out", [[protocol("deletionVectors")], *[[{"commitInfo": {}}]] * 40])
    assert any("not read that far back" in limit for limit in told(format="delta", path=path).limits)
    checksum = tmp_path / "out" / "_delta_log" / f"{40:020}.crc"
    checksum.write_text(json.dumps(protocol("clustering")))
    assert told(format="delta", path=path).how.endswith("the table is clustered")


def test_versions_are_counted_on_from_a_checkpoint(tmp_path: Path) -> None:
    path = delta_table(tmp_path / "out", [*[[{"commitInfo": {}}]] * 3, [protocol("clustering")]])
    (tmp_path / "out" / "_delta_log" / "_last_checkpoint").write_text('{"version": 1, "size": 3}')
    assert told(format="delta", path=path).how.endswith("the table is clustered")


def test_what_asks_for_delta_itself_is_written_directly(tmp_path: Path) -> None:
    path = str(tmp_path / "out")
    assert told(format="delta", path=path, options={"dataChange": "false"}).how.endswith("it has the option dataChange")
    assert told(mode=Mode.CONNECT, format="delta", path=path).way is PublishWay.DIRECT_COMMIT


def test_catalog_tables_are_told_as_their_provider_publishes() -> None:
    assert told(format="table", table="db.t").way is PublishWay.SWAP
    delta = told(format="table", table="db.t", options={"provider": "delta"})
    assert delta.way is PublishWay.COMMIT
    assert "late if the table exists" in delta.how


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("jdbc:mysql://host/db", "MySQL"),
        ("jdbc:oracle:thin:@host:1521/db", "Oracle"),
        ("jdbc:postgresql://host/db", None),
        ("jdbc:sqlserver://host", None),
    ],
)
def test_a_database_is_one_transaction_and_those_that_commit_by_themselves_are_named(
    url: str, name: str | None
) -> None:
    found = told(format="jdbc", options={"url": url, "dbtable": "t"})
    assert found.way is PublishWay.TRANSACTION
    assert [limit.split(" ")[0] for limit in found.limits[1:]] == ([name] if name else [])


def test_memory_and_formats_of_others_are_told_too() -> None:
    assert told(format="memory", table="t").way is PublishWay.MEMORY
    assert told(format="iceberg", path="/data/out").how == "as the format 'iceberg' does it"


def test_telling_needs_no_spark(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from tauro.io.promises import publishing_of\n"
        "from tauro.model import OutputSpec\n"
        f"publishing_of(OutputSpec.parse('a', {{'format': 'delta', 'path': {str(tmp_path / 'a')!r}}}))\n"
        "sys.exit('pyspark' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
