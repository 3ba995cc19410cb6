#!/usr/bin/env python3
"""An agent that asks its model once, looks for what it must not find, and does the work."""
import json, os, subprocess, sys, urllib.request

model, address, token = sys.argv[1:4]
body = json.dumps({"model": model, "messages": [{"role": "user", "content": "How do I add?"}]})
head = {"authorization": f"Bearer {token}", "content-type": "application/json"}
asked = urllib.request.Request(f"{address}/v1/chat/completions", body.encode(), head)
with urllib.request.urlopen(asked) as answer:
    print("answer:", b"saturate" in answer.read())

secrets = [b"sk-" + b"real-key", b"770" + b"01"]
seen = []


def look(path):
    try:
        with open(path, "rb") as file:
            text = file.read(4_000_000)
    except OSError:
        return
    seen.extend(f"{path}: {secret.decode()}" for secret in secrets if secret in text)


def memory(process):
    with open(f"/proc/{process}/maps", encoding="utf-8") as maps:
        parts = [line.split()[0].split("-") for line in maps]
    with open(f"/proc/{process}/mem", "rb", buffering=0) as file:
        for first, last in parts:
            try:
                file.seek(int(first, 16))
                text = file.read(int(last, 16) - int(first, 16))
            except (OSError, OverflowError, ValueError):
                continue
            # This program's own words are in its memory.
            known = process == str(os.getpid())
            seen.extend(f"memory of {process}" for one in secrets if one in text and not known)
    return 1


searched = 0
for process in filter(str.isdigit, os.listdir("/proc")):
    for name in ("environ", "cmdline", "maps"):
        look(f"/proc/{process}/{name}")
    try:
        searched += memory(process)
    except OSError:
        pass
for top in ("/src", "/tmp", "/cargo", "/etc", "/vendor", "/target"):
    for folder, _, names in os.walk(top):
        for name in names:
            look(os.path.join(folder, name))
print("secrets:", seen, "in more than one memory:", searched > 1)

os.makedirs("src", exist_ok=True)
with open("src/lib.rs", "w", encoding="utf-8") as file:
    file.write("//! Adds.\n\n/// The sum.\npub fn add(a: i32, b: i32) -> i32 {\n    a.saturating_add(b)\n}\n")
tests = subprocess.run(["cargo", "test", "--offline"], capture_output=True, text=True)
print("tests:", tests.returncode, "" if tests.returncode == 0 else tests.stdout + tests.stderr)
