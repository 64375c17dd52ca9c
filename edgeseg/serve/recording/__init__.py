"""A camera's video as fragments, and what of it goes on a disk."""
