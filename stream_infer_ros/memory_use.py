"""How much memory this process takes."""

import resource
import sys


def peak_rss_mb() -> float:
    """Most memory this process ever held, megabytes (ru_maxrss: kilobytes on Linux, bytes on macOS)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == 'darwin' else 1024)
