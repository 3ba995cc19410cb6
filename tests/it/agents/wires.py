#!/usr/bin/env python3
"""An agent that asks by one wire, streamed, and writes the code that the answer names."""
import glob, http.client, json, os, re, sys

WIRE, HUGE = "messages", False
model, address, token = sys.argv[1:4]
host = address.removeprefix("http://")
text = "How do I add?"
if WIRE == "messages":
    path, key = "/v1/messages", {"x-api-key": token, "anthropic-version": "2023-06-01"}
    turn = {"role": "user", "content": text}
    body = {"model": model, "max_tokens": 500, "stream": True, "messages": [turn]}
else:
    path, key = f"/v1beta/models/{model}:streamGenerateContent?alt=sse", {"x-goog-api-key": token}
    body = {"contents": [{"role": "user", "parts": [{"text": text}]}]}


def ask(body, pieces=1):
    link = http.client.HTTPConnection(host)
    head = {"content-type": "application/json", **key}
    try:
        link.request("POST", path, iter([body] * pieces), head, encode_chunked=True)
        answer = link.getresponse()
        print("status:", answer.status, flush=True)
        return answer.read().decode()
    except OSError:
        print("the connection was ended", flush=True)
    finally:
        link.close()


if HUGE:
    ask(b" " * 1024 * 1024, 40)
secret, found = b"sk-" + b"real-key", []
for name in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline"):
    try:
        with open(name, "rb") as file:
            found += [name] if secret in file.read() else []
    except OSError:
        pass
print("secrets:", found, token.startswith("rg-"), flush=True)
said = ask(json.dumps(body).encode())
word = re.search(r'"text": ?"(\w+)"', said).group(1)
os.makedirs("src", exist_ok=True)
with open("src/lib.rs", "w", encoding="utf-8") as file:
    file.write(f"//! Adds.\n\n/// The sum.\npub fn add(a: i32, b: i32) -> i32 {{\n    a.{word}(b)\n}}\n")
