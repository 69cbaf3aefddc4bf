"""The checks of the doctor: each area is a function from an observation to findings."""
