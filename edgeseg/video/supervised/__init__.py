"""A live source in a process of its own, watched, killed where it hangs, and connected again, for as long as it takes.

`life` is its state machine, `memory` the frames' way between the processes, `channel` that of messages, `child` what
runs in the other process, `process` that process as seen from here, `supervisor` the thread that watches one source,
`source` a `Source` of that; many cameras are many supervisors.
"""
