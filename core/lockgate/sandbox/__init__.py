"""A sandbox for models: what a file does when it is read or asked stays inside a process of its own.

    run("test-robustness", arguments, out=out, place=Sandbox(memory="2G", cpu_seconds=600))

The stage itself runs where it is. Only the model goes into the sandbox, it sees rows and gives answers over a
pipe. So it never meets the signing key, the evidence store or the verdict, and cannot forge one: the most
that it can do is to answer wrongly.

Where bubblewrap is installed and namespaces are allowed, the process has a file system of its own (the
interpreter and the model, read-only), no network and no sight of other processes. Everywhere, the kernel
holds it with resource limits, no new privileges, no capabilities, a seccomp filter (no programs, processes,
sockets, other processes' memory) and, where it has it, Landlock for files. What was in force is said in
``environment.sandbox`` of the result. `required=True` insists on bubblewrap.

Rules, of any stage that loads a model:
    ``LG-SANDBOX-001`` the model tried to reach the network.
    ``LG-SANDBOX-002`` it tried to write, remove or change a file outside of its scratch folder.
    ``LG-SANDBOX-003`` it tried to start a program or a process, or to signal one.
    ``LG-SANDBOX-004`` it needed more memory than allowed.
    ``LG-SANDBOX-005`` it needed more processor time, or more time, than allowed.
    ``LG-SANDBOX-006`` it was stopped for another system call that is forbidden, or died.
"""

from lockgate.sandbox.box import Sandbox, parse
from lockgate.sandbox.session import Session, current, in_force

__all__ = ["Sandbox", "Session", "current", "in_force", "parse"]
