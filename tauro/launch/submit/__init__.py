"""Running `tauro run` under `spark-submit`: the command, what it takes along, and how its end is told."""
