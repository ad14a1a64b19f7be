"""Work for the process at the other end of a socket, by its descriptor.

`python -m classifier DESCRIPTOR FOLDER...`: decode and ask, with these bundles loaded; see `classifier.core`.
`python -m classifier engine LAST BYTES DESCRIPTOR...`: one network, `LAST` (0 or 1) whether all others go first, see `classifier.engine_process`.
"""

import os
import sys

from classifier.child import NICE, begin, end_though_held

if sys.argv[1] == "engine":
    last, bound, *descriptors = map(int, sys.argv[2:])
    begin(descriptors[0])
    end_though_held()
    # before the libraries are read: also that costs half a second of a core
    os.nice(19 if last else NICE)

    from classifier.engine_process import serve

    serve(descriptors, bound)
else:
    from classifier.core import main

    main(int(sys.argv[1]), sys.argv[2:])
