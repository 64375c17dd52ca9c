"""A service in the browser, for programs and for Prometheus: page, video, events, API and metrics on one port.

`app` lists the routes, `server` runs them in a thread, `guard` is what each request has to pass; `page/` is what the
browser gets. All of it only reads: nothing that comes over the network changes the service.
"""
