"""The base class of all parts of the configuration tree."""

from pydantic import BaseModel, ConfigDict
from pydantic.config import JsonDict

# Marks a setting that can be changed while the pipeline runs. All others are fixed when it starts.
LIVE: JsonDict = {'live': True}


class Section(BaseModel):
    """A part of the tree. Unknown keys are refused, and values are immutable."""

    model_config = ConfigDict(extra='forbid', frozen=True, allow_inf_nan=False)
