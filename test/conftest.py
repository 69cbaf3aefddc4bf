"""Settings of all tests."""

from hypothesis import HealthCheck, settings

# How long an example takes is the machine's affair: none fails for being slow on a busy one.
settings.register_profile('project', deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile('project')
