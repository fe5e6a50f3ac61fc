"""This machine's devices: what NVML, sysfs, sysctl and control groups say, as it is answered on machines like these."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from llmscale.answers.machine import local_machine
from llmscale.devices.detect import apple, memory, nvidia, sysfs
from llmscale.devices.detect.interface import DetectedDevice
from llmscale.devices.detect.memory import host_memory
from llmscale.devices.detect.registry import ThisMachine
from llmscale.devices.device import entry
from llmscale.devices.local import of
from llmscale.units import GIB, MIB
from tests.helpers import good, run

#: A GPU, or an instance of one: name, total and free MiB.
Gpu = tuple[str, int, int]


def nvml(gpus: list[Gpu], instances: dict[int, list[Gpu]]) -> ModuleType:
    """NVML of a machine with these GPUs, and the instances that some are cut into."""

    def mode(handle: tuple[int, Gpu]) -> list[int]:
        if not instances:
            raise RuntimeError("Not Supported")
        return [int(handle[0] in instances)] * 2

    def instance(handle: tuple[int, Gpu], index: int) -> tuple[int, Gpu]:
        if index >= len(instances[handle[0]]):
            raise RuntimeError("Not Found")
        return handle[0], instances[handle[0]][index]

    module = ModuleType("pynvml")
    module.__dict__.update(
        NVMLError=RuntimeError,
        nvmlInit=lambda: None,
        nvmlShutdown=lambda: None,
        nvmlDeviceGetCount=lambda: len(gpus),
        nvmlDeviceGetHandleByIndex=lambda index: (index, gpus[index]),
        nvmlDeviceGetMigMode=mode,
        nvmlDeviceGetMaxMigDeviceCount=lambda handle: 7,
        nvmlDeviceGetMigDeviceHandleByIndex=instance,
        nvmlDeviceGetName=lambda handle: handle[1][0].encode(),
        nvmlDeviceGetMemoryInfo=lambda handle: SimpleNamespace(total=handle[1][1] * MIB, free=handle[1][2] * MIB),
    )
    return module


def test_nvidia_cards_with_what_other_processes_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    # Totals as nvidia-smi prints them of these cards; the second one drives a display and a browser.
    gpus = [("NVIDIA GeForce RTX 4090", 24564, 24100), ("NVIDIA GeForce RTX 3060", 12288, 9000)]
    monkeypatch.setitem(sys.modules, "pynvml", nvml(gpus, {}))
    found = of(nvidia.devices())
    assert [kind.id for kind in found.kinds] == ["rtx4090", "rtx3060-12gb"]
    assert found.kinds[0].usable == 24564 * MIB - GIB // 2
    assert found.kinds[1].usable == 9000 * MIB
    assert [told.code for told in found.notes] == ["held_by_others"]


def test_a_gpu_that_is_cut_is_its_instances(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus = [("NVIDIA A100-SXM4-80GB", 81920, 81000)]
    cut = [("NVIDIA A100-SXM4-80GB MIG 3g.40gb", 40192, 40180)] * 2
    monkeypatch.setitem(sys.modules, "pynvml", nvml(gpus, {0: cut}))
    found = nvidia.devices()
    assert [(device.part, device.total) for device in found] == [(True, 40192 * MIB)] * 2
    assert of(found).count == 2
    assert of(found).each == 40192 * MIB


def test_no_library_no_device(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert nvidia.devices() == []
    monkeypatch.setattr(nvidia, "DRIVER", str(tmp_path / "none"))
    assert nvidia.missing() == ""
    (tmp_path / "version").write_text("NVRM version: NVIDIA UNIX")
    monkeypatch.setattr(nvidia, "DRIVER", str(tmp_path / "version"))
    assert nvidia.missing() == "llmscale[nvidia]"


def card(root: Path, number: int, **files: str) -> None:
    """A card below /sys/class/drm with these files."""
    folder = root / f"card{number}" / "device"
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_text(content + "\n")


def test_amd_cards_by_their_pci_id_and_memory(tmp_path: Path) -> None:
    total = 25753026560  # of an RX 7900 XTX, by its driver
    card(tmp_path, 0, vendor="0x1002", device="0x744c", mem_info_vram_total=str(total), mem_info_vram_used=str(3 * GIB))
    card(tmp_path, 1, vendor="0x8086", device="0x4680")  # a GPU without memory of its own
    (tmp_path / "card0-HDMI-A-1").mkdir()
    (found,) = sysfs.devices(str(tmp_path))
    assert (found.total, found.free) == (total, total - 3 * GIB)
    assert of([found]).id == "rx7900xtx"
    assert of([found]).usable == total - 3 * GIB


def test_one_pci_id_of_several_cards_of_the_same_memory_is_none_of_them(tmp_path: Path) -> None:
    card(tmp_path, 0, vendor="0x1002", device="0x7550", mem_info_vram_total=str(16 * GIB))
    assert of(sysfs.devices(str(tmp_path))).id not in ("rx9070", "rx9070xt", "rx9070gre")


def test_apples_chip_with_the_share_that_its_owner_set() -> None:
    said = {"machdep.cpu.brand_string": "Apple M3 Max", "hw.memsize": str(64 * GIB), "iogpu.wired_limit_mb": "0"}
    found = of(apple.devices(lambda name: said[name]))
    assert (found.id, found.each) == ("m3-max", 64 * GIB)
    assert found.usable == int(64 * GIB * (entry("m3-max").share(64 * GIB) or 0))
    said["iogpu.wired_limit_mb"] = "57344"
    assert of(apple.devices(lambda name: said[name])).usable == 56 * GIB
    said["machdep.cpu.brand_string"] = "Intel(R) Core(TM) i7-9750H CPU @ 2.60GHz"
    assert apple.devices(lambda name: said[name]) == []


@pytest.mark.parametrize("path", ["sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes"])
def test_ram_is_what_the_control_group_leaves(tmp_path: Path, path: str) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal:       65757080 kB\nMemAvailable:   60000000 kB\n")
    whole = host_memory(str(tmp_path))
    assert whole is not None
    assert (whole.total, whole.limited) == (65757080 * 1024, False)
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text(f"{8 * GIB}\n")
    limited = host_memory(str(tmp_path))
    assert limited is not None
    assert (limited.total, limited.available, limited.limited) == (8 * GIB, 8 * GIB, True)
    (tmp_path / path).write_text("max\n")
    assert host_memory(str(tmp_path)) == whole


def test_a_device_that_nobody_knows_is_answered_for_by_its_memory() -> None:
    found = of([DetectedDevice("Some GPU 9000", 20 * GIB, 20 * GIB)])
    assert (found.each, found.usable) == (20 * GIB, 20 * GIB - GIB // 2)
    shown = local_machine(ThisMachine((DetectedDevice("Some GPU 9000", 20 * GIB),), None, ("llmscale[nvidia]",)))
    assert shown.devices[0].id is None
    assert [told.code for told in shown.notes] == ["install_to_see"]


def test_a_machine_without_a_gpu_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for detector in (nvidia, sysfs, apple):
        monkeypatch.setattr(detector, "devices", list)
    assert "No GPU was found" in good("devices", "local").out
    assert good("devices", "local", "-o", "json").json()["devices"] == []
    refused = run("fits", "local")
    assert refused.status == 3
    assert refused.err.startswith("error: No GPU was found on this machine.")


def test_the_program_of_a_mac_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"machdep.cpu.brand_string": "Apple M4\n", "hw.memsize": f"{16 * GIB}\n", "iogpu.wired_limit_mb": "0\n"}

    def sysctl(command: list[str], **how: object) -> SimpleNamespace:
        assert command[:2] == ["/usr/sbin/sysctl", "-n"]
        return SimpleNamespace(stdout=said[command[2]])

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(apple.subprocess, "run", sysctl)
    assert apple.devices() == [DetectedDevice("Apple M4", 16 * GIB)]

    def hangs(command: list[str], **how: object) -> SimpleNamespace:
        raise subprocess.TimeoutExpired(command, apple.SECONDS)

    monkeypatch.setattr(apple.subprocess, "run", hangs)
    assert apple.devices() == []


def test_ram_where_there_is_no_proc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert host_memory(str(tmp_path)) is None
    monkeypatch.setattr(memory, "_read", lambda root, path: "")
    pages = {"SC_PHYS_PAGES": 4 * 1024 * 1024, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(memory.os, "sysconf", pages.__getitem__, raising=False)
    found = host_memory()
    assert found is not None
    assert (found.total, found.available, found.limited) == (16 * GIB, 16 * GIB, False)

    def unknown(name: str) -> int:
        raise ValueError(name)

    monkeypatch.setattr(memory.os, "sysconf", unknown, raising=False)
    assert host_memory() is None
    refused = run("estimate", "llama-2-7b", "--gpu", "cpu")
    assert (refused.status, "does not say how much RAM" in refused.err) == (3, True)
    assert "cpu:64GB" in refused.err


def test_cores_where_a_process_is_not_bound_to_some(monkeypatch: pytest.MonkeyPatch) -> None:
    assert memory.cores() >= 1
    monkeypatch.delattr(memory.os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(memory.os, "cpu_count", lambda: 12)
    assert memory.cores() == 12


def test_a_driver_without_its_library_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    monkeypatch.setattr(nvidia, "DRIVER", str(tmp_path / "nvidia0"))
    assert nvidia.missing() == ""
    (tmp_path / "nvidia0").touch()
    assert nvidia.missing() == "llmscale[nvidia]"
    monkeypatch.setitem(sys.modules, "pynvml", nvml([], {}))
    assert nvidia.missing() == ""


def test_a_driver_that_fails_is_no_device(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = nvml([("NVIDIA A2", 15356, 15000)], {})

    def lost(handle: object) -> object:
        raise RuntimeError("GPU is lost")

    broken.__dict__["nvmlDeviceGetMemoryInfo"] = lost
    monkeypatch.setitem(sys.modules, "pynvml", broken)
    assert nvidia.devices() == []
