"""A seccomp filter (seccomp(2), bpf(4)): what a confined process may not ask the kernel for.

Programs, processes, sockets of a network, signals to others, others' memory, mounts, namespaces, kernel
keys and the interfaces that reach around filters (io_uring, bpf) end the process; changes of modes and
owners, and of resource limits, are refused.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct

_KILL, _ALLOW = 0x80000000, 0x7FFF0000
_EPERM, _ENOSYS = 0x00050000 | 1, 0x00050000 | 38
_CLONE_THREAD = 0x00010000
_AF_UNIX = 1
_X32 = 0x40000000
# The system calls of linux/arch/*/syscall tables: name -> number on x86_64, on aarch64.
_NEVER = {
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "execveat": (322, 281),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "open_by_handle_at": (304, 265),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsmount": (432, 432),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "mount_setattr": (442, 442),
}
_REFUSED = {
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "setrlimit": (160, 164),
    "kcmp": (312, 272),
}
_CLONE, _CLONE3, _SOCKET = (56, 220), (435, 435), (41, 198)
_KILL_PID, _TKILL, _TGKILL, _PRLIMIT = (62, 129), (200, 130), (234, 131), (302, 261)
_ARCH = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_PR_SET_SECCOMP, _FILTER = 22, 2


def install(*, network: bool) -> bool:
    """Filter this thread and all that it starts, for good; return whether the kernel took the filter.

    Args:
        network: Whether sockets of a network stay allowed.
    """
    known = _ARCH.get(platform.machine())
    if known is None:
        return False
    code = b"".join(_program(*known, network=network))
    buffer = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.prctl(_PR_SET_SECCOMP, _FILTER, ctypes.c_char_p(program), 0, 0) == 0)


def _program(column: int, arch: int, *, network: bool) -> list[bytes]:
    """Return the filter's instructions: load, compare, return (linux/filter.h)."""

    def load(offset: int) -> bytes:
        return struct.pack("HBBI", 0x20, 0, 0, offset)

    def equal(value: int, then: int, otherwise: int) -> bytes:
        return struct.pack("HBBI", 0x15, then, otherwise, value)

    def say(action: int) -> bytes:
        return struct.pack("HBBI", 0x06, 0, 0, action)

    number, argument = load(0), [load(16 + 8 * i) for i in range(6)]
    upper = [load(20 + 8 * i) for i in range(6)]
    made = [load(4), equal(arch, 1, 0), say(_KILL), number]
    if column == 0:
        made += [struct.pack("HBBI", 0x35, 0, 1, _X32), say(_KILL)]  # the x32 numbers of the same calls
    for table, action in ((_NEVER, _KILL), (_REFUSED, _EPERM)):
        for numbers in table.values():
            if (call := numbers[column]) is not None:
                made += [equal(call, 0, 1), say(action)]
    made += [
        equal(_CLONE3[column], 0, 1),
        say(_ENOSYS),
    ]  # its flags are out of reach; libc falls back to clone
    threads = struct.pack("HBBI", 0x45, 0, 1, _CLONE_THREAD)
    made += [equal(_CLONE[column], 0, 4), argument[0], threads, say(_ALLOW), say(_KILL)]
    if not network:
        made += [equal(_SOCKET[column], 0, 4), argument[0], equal(_AF_UNIX, 0, 1), say(_EPERM), say(_KILL)]
    for call in (_KILL_PID[column], _TGKILL[column]):
        made += [equal(call, 0, 4), argument[0], equal(os.getpid(), 0, 1), say(_ALLOW), say(_KILL)]
    made += [equal(_TKILL[column], 0, 1), say(_KILL)]
    look = [argument[2], equal(0, 0, 3), upper[2], equal(0, 0, 1), say(_ALLOW), say(_EPERM)]
    made += [equal(_PRLIMIT[column], 0, len(look)), *look]
    return [*made, say(_ALLOW)]
