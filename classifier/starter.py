"""A thread that starts child processes and is there to the end.

Linux kills a process, if it asks for that, with the thread that started it: also one that is held, which could notice nothing
itself. So whoever started it must not be a thread that ends earlier.
"""

import errno
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue

Child = subprocess.Popen[bytes]

_work = SimpleQueue[tuple["Future[Child]", Callable[[], Child]]]()
_threads = list[threading.Thread]()
_lock = threading.Lock()


def start(
    words: Sequence[str], descriptors: Sequence[int], environment: Mapping[str, str]
) -> Child:
    """A process that reads nothing and has these descriptors. Raises OSError, also where no thread is left."""
    with _lock:
        if not _threads:
            thread = threading.Thread(target=_run, name="starter", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                raise OSError(errno.EAGAIN, str(error)) from error
            _threads.append(thread)
    started: Future[Child] = Future()
    _work.put((started, partial(_child, words, descriptors, environment)))
    return started.result()


def _child(
    words: Sequence[str], descriptors: Sequence[int], environment: Mapping[str, str]
) -> Child:
    return subprocess.Popen(words, pass_fds=descriptors, env=environment, stdin=subprocess.DEVNULL)


def _run() -> None:
    while True:
        started, child = _work.get()
        try:
            started.set_result(child())
        except BaseException as error:  # noqa: BLE001  # raised where it is waited for
            started.set_exception(error)
        del started, child
