"""A service that segments many cameras for months: `edgeseg serve`.

`settings` is the file that it reads, `service` what runs, `camera` one of its cameras, `scheduler` the threads that all
of them share, `network` the bundle they run, `status` and `event_log` what it says of itself.
"""
