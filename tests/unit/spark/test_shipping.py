"""A function that is sent to a server takes what it uses of the project's modules with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
from pathlib import Path
from pyspark import cloudpickle
root = Path(sys.argv[1])
sys.path[:0] = [str(root), str(root / "lib/site-packages")]
import installed_rates, shop.prices
from tauro.spark.shipping import ship_modules
ship_modules(root)
sys.stdout.buffer.write(cloudpickle.dumps([shop.prices.with_tax, installed_rates.rate]))
"""
WORKER = """
import pickle, sys
sys.path.insert(0, sys.argv[1])
with_tax, rate = pickle.load(sys.stdin.buffer)
print(with_tax(100), rate.__module__ in sys.modules)
"""


def test_the_projects_own_code_goes_along_and_what_is_installed_stays(tmp_path: Path) -> None:
    installed = tmp_path / "lib/site-packages"
    installed.mkdir(parents=True)
    (installed / "installed_rates.py").write_text("def rate():\n    return 20\n")
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/__init__.py").touch()
    (tmp_path / "shop/taxes.py").write_text("def tax(amount):\n    return amount * 20 // 100\n")
    (tmp_path / "shop/prices.py").write_text(
        "from shop.taxes import tax\n\n\ndef with_tax(amount):\n    return amount + tax(amount)\n"
    )
    made = subprocess.run([sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, check=True)
    told = subprocess.run(  # in a process that has the installed module alone
        [sys.executable, "-c", WORKER, str(installed)], input=made.stdout, capture_output=True, check=False
    )
    assert told.stdout.decode() == "120 True\n", told.stderr.decode()
