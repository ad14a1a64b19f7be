"""`python -m classifier DESCRIPTOR`: work on pictures for the process at the other end of that socket."""

import sys

from classifier.core import main

main(int(sys.argv[1]))
