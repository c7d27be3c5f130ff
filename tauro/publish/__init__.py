"""How what a run has staged becomes visible, all of it or nothing, whatever else runs or dies."""
