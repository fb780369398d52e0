"""Which mounts are closed for a command that runs isolated, by what /proc/self/mountinfo says (proc(5))."""

from pathlib import Path

import pytest

from bot.agent.closing import SCRIPT, closing_words

HIDDEN = Path("/home/ada/.netrc")


def line(mount: str, kind: str, options: str = "rw,relatime") -> str:
    return f"36 35 98:0 / {mount} {options} shared:1 - {kind} /dev/sda1 rw"


def closed(*lines: str, keep: tuple[Path, ...] = ()) -> tuple[list[str], list[str]]:
    """The folders that stay open, and the mounts that are closed."""
    words = closing_words("/usr/bin/unshare", "/bin/sh", keep=keep, hide=[HIDDEN], mountinfo="\n".join(lines))
    flags = ("--mount", "--ipc", "--propagation", "private")
    head = ("/usr/bin/unshare", *flags, "--", "/bin/sh", "-c", SCRIPT, "closing")
    assert words[: len(head)] == head
    assert words[-3:] == ("--", str(HIDDEN), "--")
    middle = words[len(head) : -3]
    at = middle.index("--")
    return list(middle[:at]), list(middle[at + 1 :])


def test_every_mount_with_files_is_closed_once() -> None:
    """Written-out octal is a character; what is read-only already stays as it is."""
    found = closed(
        line("/", "ext4"),
        line("/home", "ext4", "rw,nosuid"),
        line("/home", "overlay"),
        line(r"/mnt/a\040b\011c", "xfs"),
        line("/snap", "squashfs", "ro,nodev"),
        line("/opt", "ext4", "nodev,errors=remount-ro"),
    )

    assert found == ([], ["/", "/home", "/mnt/a b\tc", "/opt"])


KERNELS = (
    *("autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs", "efivarfs"),
    *("fusectl", "hugetlbfs", "mqueue", "nsfs", "proc", "pstore", "rpc_pipefs", "securityfs", "sysfs", "tracefs"),
)


@pytest.mark.parametrize("kind", KERNELS)
def test_what_holds_no_files_is_left(kind: str) -> None:
    """The kernel's own file systems."""
    assert closed(line("/there", kind)) == ([], [])


def test_somebodys_own_mount_is_left_but_not_a_root_of_that_kind() -> None:
    """FUSE may shut out even root, who would then fail; a machine may have its root there."""
    assert closed(line("/home/ada/cloud", "fuse.sshfs"), line("/", "fuse.overlayfs")) == ([], ["/"])


def test_what_is_kept_stays_open_with_all_beneath(tmp_path: Path) -> None:
    """Folders by their real names, each once, the outermost only; a mount beneath one is not closed again."""
    run, inner, link = tmp_path / "run", tmp_path / "run" / "inner", tmp_path / "link"
    inner.mkdir(parents=True)
    link.symlink_to(run)

    found = closed(
        *(line("/", "ext4"), line(str(run), "tmpfs"), line(str(inner / "deep"), "tmpfs"), line(f"{run}way", "tmpfs")),
        keep=(inner, link, run),
    )

    assert found == ([str(run)], ["/", f"{run}way"])
