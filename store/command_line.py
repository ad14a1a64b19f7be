"""Who types a command: the user that the machine itself knows, not what the environment says.

`LOGNAME`, `USER` and `SUDO_USER` are anybody's to set, so they are not asked: under `sudo` it is the user that it changes
to. The kind `command` tells this user from a person of the same name who signs in.
"""

import os
import pwd

from store.rollout_events import Actor


def actor() -> Actor:
    """The user of this process by name; by number where the machine has no name for it, as in a container."""
    number = os.getuid()
    try:
        return Actor("command", pwd.getpwuid(number).pw_name)
    except KeyError:
        return Actor("command", f"uid {number}")
