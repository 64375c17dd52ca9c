"""Energy from what the machine itself counts: one file a kind of counter, `meter` joins them."""
