"""The error of this tool."""


class Unavailable(Exception):
    """A prefix cannot be built on this machine; the text says why, and what to install."""
