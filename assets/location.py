"""The code location that workspace.yaml names: the definitions of the home in SPINE_HOME."""

from assets.definitions import build_defs
from spine.settings import Settings, refuse_dotenv

refuse_dotenv(Settings())
defs = build_defs(Settings())
