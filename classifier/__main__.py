"""Work for the process at the other end of a socket, by its descriptor.

`python -m classifier DESCRIPTOR`: decode and ask, see `classifier.core`.
`python -m classifier engine BYTES DESCRIPTOR...`: one network, see `classifier.engine_process`.
"""

import sys

if sys.argv[1] == "engine":
    from classifier.engine_process import serve

    bound, *descriptors = map(int, sys.argv[2:])
    serve(descriptors, bound)
else:
    from classifier.core import main

    main(int(sys.argv[1]))
