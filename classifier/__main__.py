"""Work for the process at the other end of a socket, by its descriptor.

`python -m classifier DESCRIPTOR FOLDER...`: decode and ask, with these bundles loaded; see `classifier.core`.
`python -m classifier engine BYTES DESCRIPTOR...`: one network, see `classifier.engine_process`.
"""

import sys

from classifier.child import begin

# of a network that is not trusted yet: those who answer hardly notice one that hangs
NICE = 19

if sys.argv[1] == "engine":
    bound, *descriptors = map(int, sys.argv[2:])
    # before the libraries are read: also that costs half a second of a core
    begin(descriptors[0], NICE)

    from classifier.engine_process import serve

    serve(descriptors, bound)
else:
    from classifier.core import main

    main(int(sys.argv[1]), sys.argv[2:])
