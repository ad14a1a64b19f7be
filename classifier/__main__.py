"""Work for the process at the other end of a socket, by its descriptor.

`python -m classifier DESCRIPTOR`: decode and ask, see `classifier.core`.
`python -m classifier engine BYTES DESCRIPTOR...`: one network, see `classifier.engine_process`.
"""

import sys

from classifier.child import begin, go_last

if sys.argv[1] == "engine":
    bound, *descriptors = map(int, sys.argv[2:])
    begin(descriptors[0])
    # before the libraries are read: also that costs half a second of a core
    go_last()

    from classifier.engine_process import serve

    serve(descriptors, bound)
else:
    from classifier.core import main

    main(int(sys.argv[1]))
