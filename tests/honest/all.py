"""What an honest program in Python does: threads, processes, sockets, files, locks, waiting."""
import asyncio, fcntl, mmap, multiprocessing, os, select, shutil, signal, socket, struct
import subprocess, sys, tempfile, threading, time

folder = tempfile.mkdtemp()
at = lambda name: os.path.join(folder, name)

with open(at("a"), "wb") as file:
    file.write(b"x" * 100000)
    os.fsync(file.fileno())
for copy in (shutil.copyfile, shutil.copy2, shutil.copy):
    copy(at("a"), at("b"))
    assert open(at("b"), "rb").read() == b"x" * 100000
shutil.copytree(folder, folder + "-copy")
os.utime(at("a"), (1, 2))
os.chmod(at("a"), 0o600)
os.link(at("a"), at("link"))
os.symlink("a", at("symbolic"))
os.rename(at("b"), at("c"))
os.truncate(at("c"), 10)
os.sync()

# Locks between two who opened a file.
one, two = open(at("a"), "r+b"), open(at("a"), "r+b")
fcntl.flock(one, fcntl.LOCK_EX | fcntl.LOCK_NB)
try:
    fcntl.flock(two, fcntl.LOCK_EX | fcntl.LOCK_NB)
    sys.exit("a lock that is held was given")
except BlockingIOError:
    pass
fcntl.flock(one, fcntl.LOCK_UN)
fcntl.lockf(one, fcntl.LOCK_EX | fcntl.LOCK_NB)
child = os.fork()
if child == 0:
    try:
        fcntl.lockf(open(at("a"), "r+b"), fcntl.LOCK_EX | fcntl.LOCK_NB)
        os._exit(1)
    except (BlockingIOError, PermissionError):
        os._exit(0)
assert os.waitpid(child, 0)[1] == 0

memory = mmap.mmap(-1, 1 << 20)
if os.fork() == 0:
    memory[0] = 7
    os._exit(0)
os.wait()
assert memory[0] == 7
with open(at("a"), "r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
    mapped[0:3] = b"abc"

os.mkfifo(at("pipe"))
reader = threading.Thread(target=lambda: open(at("pipe")).read())
reader.start()
open(at("pipe"), "w").write("hello")
reader.join()

assert subprocess.run(["sh", "-c", "echo $((1 + 1))"], capture_output=True).stdout == b"2\n"
assert subprocess.run(["cat"], input=b"x" * 300000, capture_output=True).stdout == b"x" * 300000
if "sockets" in sys.argv:
    with multiprocessing.Pool(3) as pool:
        assert pool.map(abs, range(-9, 0)) == list(range(9, 0, -1))
    queue = multiprocessing.Queue()
    worker = multiprocessing.Process(target=queue.put, args=("done",))
    worker.start()
    assert queue.get() == "done"
    worker.join()

if "sockets" in sys.argv:
    for family, address in [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]:
        server = socket.create_server((address, 0), family=family)
        client = socket.create_connection(server.getsockname()[:2])
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        peer, _ = server.accept()
        with open(at("a"), "rb") as file:
            sent = threading.Thread(target=lambda: (client.sendfile(file), client.close()))
            sent.start()
            total = 0
            while block := peer.recv(65536):
                total += len(block)
            sent.join()
        assert total == 100000, total
        datagrams = [socket.socket(family, socket.SOCK_DGRAM) for _ in range(2)]
        datagrams[0].bind((address, 0))
        datagrams[1].sendto(b"x", datagrams[0].getsockname()[:2])
        assert datagrams[0].recv(10) == b"x"
    assert socket.gethostbyname("localhost") == "127.0.0.1"
    assert (1, "lo") in socket.if_nameindex()
    local = socket.socket(socket.AF_UNIX)
    local.bind(at("socket"))
    local.listen()
    other = socket.socket(socket.AF_UNIX)
    other.connect(at("socket"))
    peer, _ = local.accept()
    # A descriptor is passed along.
    socket.send_fds(other, [b"x"], [one.fileno()])
    assert socket.recv_fds(peer, 1, 1)[1]

left, right = socket.socketpair()
poll = select.epoll()
poll.register(left, select.EPOLLIN)
right.send(b"x")
assert poll.poll(5) and select.select([left], [], [], 5)[0]

heard = []
signal.signal(signal.SIGALRM, lambda *_: heard.append(1))
signal.setitimer(signal.ITIMER_REAL, 0.01)
signal.pause()
assert heard


async def main():
    process = await asyncio.create_subprocess_exec("true")
    assert await process.wait() == 0
    await asyncio.gather(*(asyncio.sleep(0.01) for _ in range(100)))
    await asyncio.to_thread(time.sleep, 0.01)


if "sockets" in sys.argv:
    asyncio.run(main())
os.nice(1)
os.sched_getaffinity(0), os.getloadavg(), os.uname(), os.getrandom(8)
print("all good")
