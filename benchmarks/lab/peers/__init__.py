"""The same network, video and output through other people's software: `python -m lab.peers`.

A peer is one file that gives masks, and overlays where asked for; each of its turns is a process of its own.
"""
