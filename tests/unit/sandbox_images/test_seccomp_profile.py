import json

import pytest

from tests.sandboxes import IMAGES_DIR

FORBIDDEN = [
    "io_uring_setup", "io_uring_enter", "io_uring_register", "keyctl", "add_key", "request_key", "ptrace",
    "process_vm_readv", "process_vm_writev", "kcmp", "unshare", "setns", "mount", "umount2", "pivot_root",
    "chroot", "open_tree", "move_mount", "fsopen", "fsconfig", "fsmount", "mount_setattr", "bpf",
    "userfaultfd", "perf_event_open", "init_module", "finit_module", "kexec_load", "reboot", "swapon",
    "syslog", "open_by_handle_at", "name_to_handle_at", "iopl", "ioperm", "modify_ldt", "shmget", "shmat",
    "semget", "msgget", "mq_open", "pidfd_getfd", "memfd_secret", "settimeofday", "clock_settime",
    "setdomainname", "sethostname", "acct", "quotactl", "seccomp", "vmsplice",
]  # fmt: skip


@pytest.fixture(scope="module")
def profile():
    return json.loads((IMAGES_DIR / "agent" / "seccomp.json").read_text())


def test_what_is_not_listed_is_refused(profile):
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
    assert {rule["action"] for rule in profile["syscalls"]} == {"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"}


def test_dangerous_calls_are_not_listed(profile):
    allowed = {name for rule in profile["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW" for name in rule["names"]}

    assert not allowed.intersection(FORBIDDEN)


def test_only_the_64_bit_entries_of_two_architectures_are_open(profile):
    assert profile["archMap"] == [
        {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": []},
        {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": []},
    ]


def test_sockets_are_allowed_by_family_only(profile):
    families = [rule["args"][0]["value"] for rule in profile["syscalls"] if "socket" in rule["names"]]

    assert sorted(families) == [1, 2, 10]


def test_no_call_is_listed_twice_without_an_argument(profile):
    plain = [name for rule in profile["syscalls"] if "args" not in rule for name in rule["names"]]

    assert len(plain) == len(set(plain))
