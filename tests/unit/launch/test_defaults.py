"""The settings that a user's Spark has already are found where Spark finds them."""

from __future__ import annotations

from pathlib import Path

from tauro.launch.defaults import spark_defaults


def write_defaults(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "spark-defaults.conf").write_text(
        "# a comment\n! another\n\nspark.master   spark://host:7077  \nspark.a=b=c\n  spark.d: e f\nspark.empty\n"
    )


def test_the_file_in_the_configuration_folder_is_read(tmp_path: Path) -> None:
    write_defaults(tmp_path / "conf")
    expected = {"spark.master": "spark://host:7077", "spark.a": "b=c", "spark.d": "e f"}
    assert spark_defaults(tmp_path, {}) == expected
    assert spark_defaults(Path("/nowhere"), {"SPARK_CONF_DIR": str(tmp_path / "conf")}) == expected


def test_submit_arguments_win_over_the_file(tmp_path: Path) -> None:
    write_defaults(tmp_path / "conf")
    arguments = "--master local[2] --conf 'spark.a=x y' -c spark.g=h --packages i:j:1 --jars k.jar pyspark-shell"
    assert spark_defaults(tmp_path, {"PYSPARK_SUBMIT_ARGS": arguments}) == {
        "spark.master": "local[2]",
        "spark.a": "x y",
        "spark.d": "e f",
        "spark.g": "h",
        "spark.jars.packages": "i:j:1",
        "spark.jars": "k.jar",
    }


def test_without_any_there_are_none(tmp_path: Path) -> None:
    assert spark_defaults(tmp_path, {}) == {}
