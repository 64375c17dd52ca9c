"""Archives: many recorded videos to masks and tables, by many processes, in a folder where a killed run goes on.

`videos` finds them, `plan` cuts one into pieces, `piece` segments one, `join` makes the video's results of them;
`worker` does these in a process that `pool` keeps, in the order that `schedule` says; `run` is the whole of it. Where
all of that lies is in `place`.
"""
