"""The web server under load on loopback: latency at a steady rate, and memory over many requests.

    python -m benchmarks.web [--rate 200] [--seconds 30] [--requests 100000] [--fresh SHARE]

Requests are sent when they are due, whether or not those before them were answered, so that a slow answer is not hidden
by the wait for it. `--fresh` is the share of questions that were not asked before (each has another context); the
others are of a few dozen, as people ask them.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
from time import monotonic, sleep

MODELS = ("llama-3.1-8b", "llama-2-7b", "qwen3-8b", "gemma-3-27b", "deepseek-v3", "gpt-oss-20b", "mistral-7b", "gpt2")
DEVICES = ("rtx4090", "rtx3060", "24GiB", "h100")
CONNECTIONS = 32


def question(fresh: float, random_number: random.Random) -> str:
    model, device = random_number.choice(MODELS), random_number.choice(DEVICES)
    context = random_number.randrange(1024, 8192) if random_number.random() < fresh else 4096
    return f"/api/estimate?model={model}&quant=q4_k_m&gpu={device}&context={context}"


class Client:
    """Connections that are kept, and what was measured on them."""

    def __init__(self, port: int) -> None:
        self.port, self.latencies, self.failed = port, [], 0  # type: ignore[var-annotated]
        self.free: asyncio.LifoQueue[tuple[asyncio.StreamReader, asyncio.StreamWriter] | None] = asyncio.LifoQueue()
        for _ in range(CONNECTIONS):
            self.free.put_nowait(None)

    async def ask(self, path: str, due: float) -> None:
        pair = await self.free.get()
        try:
            reader, writer = pair or await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line[16:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length: ")
            )
            await reader.readexactly(length)
            self.failed += b" 200 " not in head[:20]
            pair = (reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            self.failed, pair = self.failed + 1, None
        self.latencies.append(monotonic() - due)
        self.free.put_nowait(pair)


async def load(port: int, rate: float, requests: int, fresh: float) -> Client:
    """So many requests, so many a second; as fast as they are answered where the rate is 0."""
    client, number, tasks = Client(port), random.Random(1), set()
    began = monotonic()
    for count in range(requests):
        due = began + count / rate if rate else monotonic()
        if (wait := due - monotonic()) > 0:
            await asyncio.sleep(wait)
        while not rate and len(tasks) >= CONNECTIONS:
            await asyncio.sleep(0.001)
        task = asyncio.create_task(client.ask(question(fresh, number), due))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    return client


def resident(process: int) -> float:
    """MiB of memory that a process holds."""
    with open(f"/proc/{process}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def told(client: Client, seconds: float) -> str:
    each = sorted(client.latencies)
    at = {share: each[min(int(len(each) * share), len(each) - 1)] * 1000 for share in (0.5, 0.99, 0.999)}
    shares = ", ".join(f"p{share * 100:g} {value:.1f} ms" for share, value in at.items())
    return f"{len(each):,} requests, {len(each) / seconds:.0f}/s: {shares}; {client.failed} failed"


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rate", type=float, default=200)
    asked.add_argument("--seconds", type=float, default=30)
    asked.add_argument("--requests", type=int, default=100_000)
    asked.add_argument("--fresh", type=float, default=0.05)
    said = asked.parse_args()
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [sys.executable, "-m", "llmscale", "web", "--port", str(port), "--rate", "0"]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            with socket.socket() as probe:
                if not probe.connect_ex(("127.0.0.1", port)):
                    break
            sleep(0.1)
        if server.poll() is not None:
            sys.exit("The server did not start; the extra [web] is needed (make bench-web).")
        asyncio.run(load(port, 0, 300, 0.0))
        for rate, requests in ((said.rate, int(said.rate * said.seconds)), (0.0, said.requests)):
            before, began = resident(server.pid), monotonic()
            client = asyncio.run(load(port, rate, requests, said.fresh if rate else 0.02))
            print(told(client, monotonic() - began), f"memory {before:.0f} -> {resident(server.pid):.0f} MiB", sep="; ")
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(20)


if __name__ == "__main__":
    main()
