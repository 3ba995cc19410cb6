#!/usr/bin/env python3
"""An agent that tries what a gateway must not let through, and says what it saw."""
import http.client, json, re, socket, sys, time

model, address, token, server = sys.argv[1:5]
host = address.removeprefix("http://")


def ask(path, body=None, key=token, method="POST"):
    link = http.client.HTTPConnection(host, timeout=30)
    text = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    try:
        link.request(method, path, text, {"authorization": f"Bearer {key}"})
        answer = link.getresponse()
        answer.read()
        return answer.status
    except OSError as why:
        return type(why).__name__
    finally:
        link.close()


def raw(*requests):
    """The statuses of what is sent as it is."""
    with socket.create_connection(tuple(host.split(":")), 30) as link:
        link.settimeout(5)
        said = b""
        try:
            link.sendall(b"".join(requests))
            while more := link.recv(65536):
                said += more
        except OSError:
            pass
        return re.findall(r"HTTP/1.1 (\d+)", said.decode())


def post(body, head="", path="/v1/chat/completions"):
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n{head}"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


chat, plain = "/v1/chat/completions", {"model": model, "messages": []}
print("a wrong token:", ask(chat, plain, key="sk-other"))
print("another model:", ask(chat, {**plain, "model": "expensive"}))
print("the small model:", ask(chat, {**plain, "model": "small"}))
print("another path:", ask("/v1/files", plain))
print("no JSON:", ask(chat, b"{"))
print("state at the server:", ask("/v1/responses", {"model": model, "previous_response_id": "r"}))
picture = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,x"}}]}]
print("a picture:", ask(chat, {**plain, "messages": picture}))
print("no answers:", ask(chat, {**plain, "n": 0}))
print("a long name:", ask(chat, {**plain, "model": "x" * 1000000}))
other = json.dumps({**plain, "model": "expensive"}).encode()
chunked = "transfer-encoding: chunked\r\n"
print("a request in a request:", raw(post(b"0\r\n\r\n" + post(other), chunked)))
print("two lengths:", raw(post(other, "content-length: 3\r\n")))
print("requests behind others:", raw(post(other), post(b"{"), post(other, "connection: close\r\n")))
print("2 MB of headers:", raw(post(other, f"x: {'x' * 2000000}\r\n")) in ([], ["431"]))
for path in ("..%2f..%2ffiles", f"{model}%2f..%2fexpensive"):
    print(f"{path}:", ask(f"/v1beta/models/{path}:generateContent?model={model}", {}))
print("a count:", ask("/v1/messages/count_tokens", plain))
print("models:", ask("/v1/models", method="GET"))
print("whether it is there:", ask("/", method="HEAD"))
print("33 MiB:", ask(chat, b" " * 33 * 1024 * 1024) != 200)
for name, port in (("the server itself", int(server)), ("another port", 22)):
    with socket.socket() as link:
        print(f"{name}:", link.connect_ex(("127.0.0.1", port)) != 0)
try:
    socket.create_connection(("192.0.2.1", 80), 3)
    print("another host: reached")
except OSError:
    print("another host: not reached")
held = [socket.create_connection(tuple(host.split(":")), 5) for _ in range(40)]
print("beside 40 idle connections:", ask(chat, plain))
for link in held:
    link.close()
seen = []
while len(seen) < 200 and (not seen or seen[-1] != 402):
    seen.append(ask(chat, {**plain, "max_tokens": 500}))
print("until the cap:", sorted(set(seen)), flush=True)
if seen[-1] == 402:
    time.sleep(800)
