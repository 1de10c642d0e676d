#!/usr/bin/env python3
"""What a gateway takes at rest, and what it costs to ask it: operators.py PROGRAM

Start to ready, idle memory, /metrics and /status with 1,000 keys and 100 tenants, /explain over 10,000
keys. Processor time is the gateway's own, and hardly depends on what else the machine does; it is known to
10 ms, so each page is asked for many times.
"""
import hashlib
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time

TICK_MS = 1000 // os.sysconf("SC_CLK_TCK")
STARTS = 9
TIMES = 50


def policy(accounts, keys, tenants):
    text = '[gateway]\nlisten = ["127.0.0.1:0"]\nadmin = "127.0.0.1:0"\n'
    text += '[[provider]]\nid = "p"\ndialect = "anthropic"\nbase_url = "http://127.0.0.1:9"\n'
    for account in range(accounts):
        text += f'[[account]]\nid = "account-{account}"\nprovider = "p"\n[[account.limit]]\n'
        text += "requests_per_minute = 1000\ninput_tokens_per_minute = 1000000\noutput_tokens_per_minute = 100000\n"
        for key in range(keys):
            secret = f"sk-ant-api03-{account:05}{key:05}Qx7vJ2mWcR9tYb4LsKd8ZfHn"
            text += f'[[account.key]]\nid = "key-{account}-{key}"\nsecret = "{secret}"\n'
    for tenant in range(tenants):
        client_key = hashlib.sha256(b"kw%d" % tenant).hexdigest()
        text += f'[[tenant]]\nid = "tenant-{tenant}"\nclient_keys = ["sha256:{client_key}"]\n'
        text += '[[tenant.budget]]\nper = "month"\nusd = 100\n'
    return text


class Gateway:
    def __init__(self, program, folder, text):
        path = os.path.join(folder, "keys.toml")
        with open(path, "w", encoding="utf-8") as file:
            os.chmod(path, 0o600)
            file.write(text)
        began = time.perf_counter()
        command = [program, "--log-format", "json", "serve", "--policy", path, "--access-log", "off", "--state", "off"]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        addresses = {}
        for line in self.process.stderr:
            if line.startswith("{"):
                told = json.loads(line)
                addresses[told["message"]] = told.get("address")
            if "listening for operators" in addresses:
                break
        self.admin = http.client.HTTPConnection(*addresses["listening for operators"].split(":"))
        self.clients = http.client.HTTPConnection(*addresses["listening"].split(":"))
        self.get("/readyz")
        self.start_ms = 1000 * (time.perf_counter() - began)
        self.start_cpu_ms = self.cpu_ms()
        threading.Thread(target=lambda: [None for _ in self.process.stderr], daemon=True).start()

    def cpu_ms(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * TICK_MS

    def memory_mib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1]) / 1024

    def get(self, path):
        self.admin.request("GET", path)
        answer = self.admin.getresponse()
        body = answer.read()
        assert answer.status == 200, (path, answer.status, body[:200])
        return len(body)

    def ask(self, tenant):
        body = json.dumps({"model": "claude-sonnet-4-5", "max_tokens": 1, "messages": []})
        headers = {"x-api-key": f"kw{tenant}", "content-type": "application/json", "x-keyweir-patience": "0"}
        self.clients.request("POST", "/v1/messages", body, headers)
        self.clients.getresponse().read()

    def page(self, path):
        before, took, size = self.cpu_ms(), [], 0
        for _ in range(TIMES):
            began = time.perf_counter()
            size = self.get(path)
            took.append(1000 * (time.perf_counter() - began))
        cpu = (self.cpu_ms() - before) / TIMES
        return f"{cpu:.1f} ms of processor time, {statistics.median(took):.0f} ms by the clock; {size // 1024} KiB"

    def end(self):
        self.process.kill()
        self.process.wait()


def main():
    program = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        starts, cpu, memory = [], [], []
        for _ in range(STARTS):
            gateway = Gateway(program, folder, policy(1, 1, 1))
            time.sleep(0.3)
            starts.append(gateway.start_ms)
            cpu.append(gateway.start_cpu_ms)
            memory.append(gateway.memory_mib())
            gateway.end()
        print(f"start to ready: {statistics.median(starts):.0f} ms, {statistics.median(cpu):.0f} ms of processor time")
        print(f"idle memory: {statistics.median(memory):.1f} MiB")
        gateway = Gateway(program, folder, policy(100, 10, 100))
        print(f"1,000 keys, 100 tenants: {gateway.memory_mib():.0f} MiB")
        for tenant in range(100):
            gateway.ask(tenant)
        for path in "/metrics", "/status":
            print(f"  {path}: {gateway.page(path)}")
        gateway.end()
        for accounts, keys in (1000, 10), (10_000, 1):
            gateway = Gateway(program, folder, policy(accounts, keys, 1))
            print(f"10,000 keys in {accounts} accounts: {gateway.memory_mib():.0f} MiB")
            for asked in "before", "after":
                print(f"  /explain {asked} a request: {gateway.page('/explain?model=claude-sonnet-4-5&input_tokens=2000')}")
                gateway.ask(0)
            gateway.end()


if __name__ == "__main__":
    main()
