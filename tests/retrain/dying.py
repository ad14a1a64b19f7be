"""`python -m tests.retrain.dying PLACE`: a retrain worker that is killed (`kill -9`) when its training comes to PLACE.

A place is a function that `retrain.retraining` calls: the one that is dying there has done all that comes before.
"""

import os
import signal
import sys

from retrain import retraining
from retrain.__main__ import main


def _die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    setattr(retraining, sys.argv[1], _die)
    sys.exit(main(["work"]))
