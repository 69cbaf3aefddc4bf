"""Tools for developing this package. They are not installed with it."""
