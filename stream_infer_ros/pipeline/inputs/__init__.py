"""The topics that the pipeline reads, and the search for cameras."""
