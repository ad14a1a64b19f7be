"""What a decoder prints goes nowhere: the log has one JSON object in each line."""

import subprocess
import sys

from tests.service.machine import ROOT

# a good picture, about each tag of which libtiff has a line to say
PROGRAM = """
from classifier.pictures import Limits
from service.core_processes import CoreProcesses
from tests.hostile import tiffs

cores = CoreProcesses(1)
cores.start()
seen = cores.see(tiffs.shared_tags(5, 40, tiffs.IFD8), Limits(), None, pixels=False)
cores.stop()
print(seen.picture.width)
"""


def test_a_decoder_that_complains_writes_nothing_between_the_lines_of_the_log() -> None:
    words = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.stderr) == ("16\n", "")
