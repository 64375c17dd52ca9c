"""An archive on a Ray cluster: `connection` to it, an `actor` that is one worker, and the `pool` of them."""
