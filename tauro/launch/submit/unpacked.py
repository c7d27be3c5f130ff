"""The program of a bundle for a driver on a standalone cluster: it unpacks the bundle, and runs the driver from there.

It may meet a Python that is too old, which the driver tells: it uses nothing that is newer than Python 3.7.
"""

from __future__ import annotations

import os
import runpy
import sys
import zipfile

CODE = "code"
"""The folder of Tauro's own modules."""
PROJECT = "project"
"""The folder of the project, here and wherever a driver on a cluster finds it."""


def main() -> None:
    """Unpacks the file that runs into the working directory, which the cluster has made for this driver alone."""
    bundle = os.path.abspath(sys.argv[0])
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall()
    sys.path[0] = os.path.abspath(CODE)
    driver = os.path.join(CODE, "tauro", "cli", "driver.py")
    sys.argv[0] = driver
    runpy.run_path(driver, run_name="__main__")


if __name__ == "__main__":
    main()
