"""The machine and what a process uses of it, from /proc."""

import os
import platform
from pathlib import Path
from typing import Any


def description() -> dict[str, Any]:
    """Returns what one has to know to compare figures: processor, cores, memory, system and Python."""
    cpu_lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in cpu_lines if line.startswith("model name")), "unknown")
    memory_kib = int(Path("/proc/meminfo").read_text().split()[1])
    return {
        "processor": model,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory_kib / 1024**2, 1),
        "system": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
        "python": platform.python_version(),
    }


def load() -> float:
    """Returns the load average of the last minute: above the number of cores, figures are those of a busy machine."""
    return round(os.getloadavg()[0], 2)


def cpu_s(pid: int) -> float:
    """Returns the processor time that all threads of a process have used, to the nanosecond."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def family_cpu_s(pid: int) -> float:
    """Returns the processor time of a process and of its children, those that have ended too, to a tick of 10 ms."""
    ticks = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        of_itself, of_its_children = sum(map(int, fields[11:13])), sum(map(int, fields[13:15]))
        if int(folder.name) == pid:
            ticks += of_itself + of_its_children
        elif int(fields[1]) == pid:
            ticks += of_itself
    return ticks / os.sysconf("SC_CLK_TCK")


def peak_rss_mib(pid: int) -> float:
    """Returns the most memory that a process has held so far."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
