"""Updates over the air by The Update Framework, TUF: publish.py writes a repository, fetch.py fetches from it."""
