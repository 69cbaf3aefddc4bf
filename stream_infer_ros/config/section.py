"""What every part of the configuration tree is."""

from pydantic import BaseModel, ConfigDict
from pydantic.config import JsonDict

# Marks what a running pipeline takes on; everything else is fixed once it was made.
LIVE: JsonDict = {'live': True}


class Section(BaseModel):
    """A part of the tree: unknown keys are refused, values are fixed once read."""

    model_config = ConfigDict(extra='forbid', frozen=True, allow_inf_nan=False)
