#!/usr/bin/env python3
"""An agent that asks its model four times, the next question made of the last answer, and writes
the code that the fourth answer names. It stops for good after one of the answers, if it is told."""
import json, os, subprocess, sys, urllib.request

STOP = -1
model, address, token = sys.argv[1:4]
head = {"authorization": f"Bearer {token}", "content-type": "application/json"}
said = "begin"
for number in range(5):
    if number:
        messages = [{"role": "user", "content": f"{number}: {said}"}]
        body = json.dumps({"model": model, "messages": messages, "max_tokens": 500}).encode()
        asked = urllib.request.Request(f"{address}/v1/chat/completions", body, head)
        with urllib.request.urlopen(asked) as answer:
            said = json.load(answer)["choices"][0]["message"]["content"]
        print(json.dumps({"type": "text", "part": {"text": said}}), flush=True)
    if number == STOP:
        subprocess.run(["sleep", "31557604"])

os.makedirs("src", exist_ok=True)
with open("src/lib.rs", "w", encoding="utf-8") as file:
    file.write(f"//! Adds.\n\n/// The sum.\npub fn add(a: i32, b: i32) -> i32 {{\n    a.{said}(b)\n}}\n")
step = {"tokens": {"input": 9, "output": 1, "cache": {"read": 0, "write": 0}}}
print(json.dumps({"type": "step_finish", "part": step}))
