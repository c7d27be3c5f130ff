"""Makes this folder's CSV file from the data of the flights example: the flights of three days.

python data/make_data.py
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent
FLIGHTS = HERE.parents[1] / "flights" / "data" / "flights" / "2013-01.parquet"
COLUMNS = ["flight_date", "carrier", "flight", "tailnum", "origin", "dest", "sched_dep_time", "dep_delay", "arr_delay"]

if __name__ == "__main__":
    flights = pd.read_parquet(FLIGHTS, columns=COLUMNS)
    three_days = flights[flights["flight_date"].astype(str) <= "2013-01-03"]
    three_days.astype({"dep_delay": "Int64", "arr_delay": "Int64"}).to_csv(HERE / "flights.csv", index=False)
