"""A live source in a process of its own, watched, killed where it hangs, and connected again, for as long as it takes.

`life` is its state machine and `status` what others see of it; `memory` is the frames' way between the processes,
`channel` that of messages; `child` runs in the other process, and `process` is that process as seen from here.
`supervisor` is the thread that watches one source; `numbering` makes one stream of its connections, and `source` is a
`Source` of that. Many cameras are many supervisors.
"""
