"""An archive on 10 to 1,000 machines, simulated from what was measured on one: python -m lab.scale COSTS TURNS.

`costs` is what was measured, `cluster` what is assumed of machines, network and object store, `simulation` what happens
and `clock` when; the order of tasks is the archive's own `Schedule`. `scenarios` are the questions.
"""
