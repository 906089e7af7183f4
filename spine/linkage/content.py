"""What an entry holds as one hash, for draws and ties that may hang on nothing else.

Put here: that hash. Never here: what is drawn or settled by it.
"""

from __future__ import annotations

import numpy as np

from spine.linkage.arrays import Hashes, mixed, text_codes
from spine.linkage.encode import NAMES, Encoded


def content(encoded: Encoded) -> Hashes:
    """A hash of all that each entry holds, whatever else there is, in whatever order.

    A place in a dictionary moves with the other values there, and so does not count: the text itself does.
    """
    texts = dict.fromkeys(NAMES, text_codes(encoded.names.texts))
    texts |= {name: text_codes(dictionary) for name, dictionary in encoded.dictionaries.items()}
    return mixed(
        [np.take(texts[name], values) if name in texts else values for name, values in sorted(encoded.codes.items())]
    )
