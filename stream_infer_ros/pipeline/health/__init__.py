"""Statistics, diagnostics and explanations of what goes wrong."""
