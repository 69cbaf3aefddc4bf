"""Threads and queues: they run the data path live, or over a recording."""
