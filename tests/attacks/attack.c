/* Attacks of a hostile candidate. Each prints "open: …" if it succeeded, "stopped: …" if it did not, or
 * causes damage that is checked from outside. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int said;

/* The attacks of `kernel.c`. Gives whether the attack is there. */
int kernel_attack(const char *attack, const char *one);

void open_way(const char *what) { printf("open: %s\n", what); said = 1; }
void stopped(const char *what) { if (!said) printf("stopped: %s\n", what); said = 1; }
/* Reports the result of a call that must fail. */
void must_fail(const char *what, long result) {
    int why = errno;
    if (result >= 0) open_way(what);
    else stopped(strerrorname_np(why));
}

/* Secrets. Arguments: a marker that must not be found, a path that holds it. */
static const char *marker, *secret;

static int holds(const char *path) {
    static char text[1 << 20];
    int fd = open(path, O_RDONLY | O_NONBLOCK);
    if (fd < 0) return 0;
    ssize_t count = read(fd, text, sizeof text);
    close(fd);
    return count > 0 && memmem(text, (size_t)count, marker, strlen(marker)) != NULL;
}

static void environment(void) {
    extern char **environ;
    for (char **one = environ; *one; one++)
        if (strstr(*one, marker)) open_way("a variable of regen's");
    stopped("not there");
}

static void processes(const char *file) {
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    while (proc && (entry = readdir(proc))) {
        char path[300];
        snprintf(path, sizeof path, "/proc/%s/%s", entry->d_name, file);
        if (atoi(entry->d_name) > 0 && atoi(entry->d_name) != getpid() && holds(path)) open_way("read");
    }
    stopped("not there");
}

static void memory_of_others(void) {
    char byte;
    struct iovec local = {&byte, 1}, remote = {(void *)0x400000, 1};
    for (int pid = 1; pid < 3; pid++) {
        if (pid == getpid()) continue;
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/mem", pid);
        int fd = open(path, O_RDONLY);
        /* Kernel threads have no memory. */
        snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
        int line = open(path, O_RDONLY);
        if (fd >= 0 && read(line, &byte, 1) == 1) open_way("/proc/…/mem");
        if (process_vm_readv(pid, &local, 1, &remote, 1, 0) >= 0 || errno == EFAULT) open_way("process_vm_readv");
    }
    stopped(strerrorname_np(errno));
}

static void read_secret(const char *path) {
    if (holds(path)) open_way("read");
    else stopped(strerrorname_np(errno ? errno : ENOENT));
}

static void by_dots(void) {
    char path[4096] = "";
    for (int i = 0; i < 40; i++) strcat(path, "../");
    strcat(path, secret + 1);
    read_secret(path);
}

static void by_link(void) {
    unlink("/tmp/link");
    if (symlink(secret, "/tmp/link") == 0) read_secret("/tmp/link");
    else { char *home = getenv("HOME"); char at[300]; snprintf(at, sizeof at, "%s/link", home ? home : "."); unlink(at);
        if (symlink(secret, at) == 0) read_secret(at); else stopped(strerrorname_np(errno)); }
}

static void by_proc(void) {
    for (int pid = 1; pid < 40; pid++) {
        const char *ways[] = {"root", "cwd/../../../../../../.."};
        for (int way = 0; way < 2; way++) {
            char path[4400];
            snprintf(path, sizeof path, "/proc/%d/%s%s", pid, ways[way], secret);
            if (holds(path)) open_way("read");
        }
    }
    stopped("ENOENT");
}

static void descriptors(void) {
    for (int fd = 3; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) >= 0) open_way("an inherited descriptor");
    stopped("none");
}

static void keyring(void) {
    must_fail("add_key", syscall(SYS_add_key, "user", "regen-test", "x", 1, -4));
    must_fail("keyctl", syscall(SYS_keyctl, 0, -3, 1));
}

/* Network. Arguments: a port on the host that answers, the name of an abstract socket, the path of a
 * Unix socket. */
static void inet(int type, const char *address, int port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    inet_pton(AF_INET, address, &to.sin_addr);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    if (fd < 0) { stopped(strerrorname_np(errno)); return; }
    struct timeval patience = {0, 300000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) { stopped(strerrorname_np(errno)); return; }
    char byte = 'x';
    if (type == SOCK_STREAM || (send(fd, &byte, 1, 0) == 1 && recv(fd, &byte, 1, 0) == 1)) open_way("answered");
    stopped("no answer");
}

static void local(const char *name, int abstract) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    strncpy(to.sun_path + abstract, name, sizeof to.sun_path - 2);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + abstract + strlen(name));
    must_fail("connected", fd < 0 ? -1 : connect(fd, (struct sockaddr *)&to, length));
}

static void own_loopback(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof at;
    int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    if (server < 0 || bind(server, (struct sockaddr *)&at, sizeof at) || listen(server, 1) ||
        getsockname(server, (struct sockaddr *)&at, &length) || connect(client, (struct sockaddr *)&at, sizeof at))
        printf("missing: %s\n", strerrorname_np(errno));
    else printf("works: as it should\n");
}

static void sockets(void) {
    int pair[2];
    must_fail("AF_VSOCK", socket(40, SOCK_STREAM, 0));
    must_fail("a pair of AF_TIPC", socketpair(30, SOCK_STREAM, 0, pair));
}

static void raw(void) {
    must_fail("SOCK_RAW", socket(AF_INET, SOCK_RAW, 1));
    must_fail("AF_PACKET", socket(17, SOCK_RAW, 0));
    must_fail("SOCK_PACKET", socket(AF_INET, SOCK_PACKET, 0));
    must_fail("netlink of another kind", socket(AF_NETLINK, SOCK_RAW, 9));
}

/* Files. */
static void write_file(const char *path) {
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
    must_fail(path, fd);
}

static void outside(void) {
    const char *paths[] = {"/usr/regen-attack", "/etc/regen-attack", "/src/attack", "/vendor/attack", "/toolchain/attack",
        "/regen-attack", "/proc/self/mem-attack", "/usr/bin/env"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) write_file(paths[i]);
    char path[4200];
    snprintf(path, sizeof path, "%s.attack", secret);
    write_file(path);
}

static void hard_link(void) {
    must_fail("linked", link("/usr/bin/env", "/tmp/env"));
}

static void reopen(void) {
    int fd = open("/usr/bin/env", O_RDONLY);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    must_fail("writable again", open(path, O_RDWR));
}

static void remount(void) {
    must_fail("remounted", mount("none", "/usr", NULL, MS_REMOUNT | MS_BIND, NULL));
    must_fail("mounted", mount("none", "/tmp", "tmpfs", 0, NULL));
    must_fail("unmounted", umount2("/proc", MNT_DETACH));
    must_fail("open_tree", syscall(SYS_open_tree, -100, "/usr", 1));
    must_fail("chroot", chroot("/tmp"));
}

static void nodes(void) {
    must_fail("a character device", mknod("/tmp/mem", S_IFCHR | 0600, (1 << 8) | 1));
    must_fail("a block device", mknod("/tmp/disk", S_IFBLK | 0600, 254 << 8));
}

static void configure(void) {
    must_fail("core_pattern", open("/proc/sys/kernel/core_pattern", O_WRONLY));
    must_fail("sysrq", open("/proc/sysrq-trigger", O_WRONLY));
    must_fail("uevent_helper", open("/sys/kernel/uevent_helper", O_WRONLY));
    must_fail("modprobe", open("/proc/sys/kernel/modprobe", O_WRONLY));
}

static void devices(void) {
    const char *paths[] = {"/dev/mem", "/dev/kmsg", "/dev/vda", "/dev/sda", "/dev/kvm", "/dev/fuse", "/dev/tty"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) must_fail(paths[i], open(paths[i], O_RDWR));
}

static void set_uid(void) {
    if (getuid() != 0) {
        must_fail("setuid(0)", setuid(0));
        must_fail("setgid(0)", setgid(0));
    }
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) open_way("new privileges");
    if (getuid() == 0) {
        /* Only without a user namespace; it must have no effect then. */
        must_fail("chown", chown("/tmp", 1, 1));
    }
}

/* Resources: checked from outside. */
static void forks(void) {
    for (int i = 0; i < 600; i++) if (fork() == 0) { pause(); _exit(0); }
    pause();
}

void touch(size_t bytes, int flags) {
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return;
    for (size_t at = 0; at < bytes; at += 4096) memory[at] = 1;
    pause();
}

static void memory_in_four(void) {
    for (int i = 0; i < 4; i++) if (fork() == 0) touch((size_t)100 << 20, MAP_PRIVATE);
    while (wait(NULL) > 0) {}
}

static void memory_of_a_child(void) {
    pid_t child = fork();
    if (child == 0) touch((size_t)2000 << 20, MAP_PRIVATE);
    waitpid(child, NULL, 0);
    exit(0);
}

/* Many mappings of one page: only page tables use memory. */
static void memory_of_tables(void) {
    size_t step = (size_t)2 << 20, bytes = (size_t)300 << 30;
    volatile char *memory = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return;
    madvise((void *)memory, bytes, MADV_NOHUGEPAGE);
    for (size_t at = 0; at < bytes; at += step) (void)memory[at];
    pause();
}

/* Shared memory that was written and unmapped. */
static void memory_unmapped(void) {
    size_t bytes = (size_t)600 << 20;
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return;
    for (size_t at = 0; at < bytes; at += 1 << 20) {
        memset(memory + at, 1, 1 << 20);
        madvise(memory + at, 1 << 20, MADV_DONTNEED);
    }
    pause();
}

/* Messages in sockets whose other end is closed. */
static void memory_in_sockets(void) {
    static char message[100000];
    for (int child = 0; child < 16; child++) {
        if (fork() != 0) continue;
        for (int i = 0; i < 200; i++) {
            int pair[2];
            if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair)) break;
            while (send(pair[0], message, sizeof message, MSG_DONTWAIT) > 0) {}
            close(pair[0]);
        }
        pause();
    }
    pause();
}

/* Unread bytes in connections to itself. */
static void memory_in_connections(void) {
    static char bytes[100000];
    for (int child = 0; child < 16; child++) {
        if (fork() != 0) continue;
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
        socklen_t length = sizeof at;
        int server = socket(AF_INET, SOCK_STREAM, 0);
        if (server < 0 || bind(server, (struct sockaddr *)&at, sizeof at) || listen(server, 100) ||
            getsockname(server, (struct sockaddr *)&at, &length)) exit(0);
        for (int i = 0; i < 100; i++) {
            int client = socket(AF_INET, SOCK_STREAM, 0);
            if (connect(client, (struct sockaddr *)&at, sizeof at)) break;
            while (send(client, bytes, sizeof bytes, MSG_DONTWAIT) > 0) {}
        }
        pause();
    }
    while (wait(NULL) > 0) {}
}

/* Requests for larger buffers must have no effect. */
static void large_buffers(void) {
    int fds[2], bytes = 64 << 20;
    socketpair(AF_UNIX, SOCK_DGRAM, 0, fds);
    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    setsockopt(fds[0], SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
    int send = 0, receive = 0;
    socklen_t length = sizeof send;
    getsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &send, &length);
    getsockopt(fds[0], SOL_SOCKET, SO_RCVBUF, &receive, &length);
    if (send + receive > 416 * 1024) open_way("larger buffers");
    stopped("the usual size");
}

static void watches(void) {
    int count = 0;
    while (count < 200 && inotify_init() >= 0) count++;
    if (count >= 100) open_way("as many as the user may have");
    else stopped("a part of the user's");
}

/* Unlinked files; also mapped ones without a descriptor. */
static void removed(const char *folder, int mapped) {
    char path[300], *block = calloc(1, 1 << 20);
    memset(block, 7, 1 << 20);
    for (int i = 0;; i++) {
        snprintf(path, sizeof path, "%s/removed-%d", folder, i);
        int fd = open(path, O_RDWR | O_CREAT, 0600);
        if (fd < 0 || unlink(path)) exit(0);
        for (int mib = 0; mib < 16; mib++)
            if (write(fd, block, 1 << 20) < (1 << 20)) pause();
        if (mapped && mmap(NULL, 16 << 20, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED) exit(0);
        if (mapped) close(fd);
        if (i > 20) pause();
    }
}

/* Cannot be inspected, and uses memory that only inspection shows. */
static void hidden(void) {
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    memory_unmapped();
}

static void locked_folder(const char *folder) {
    char path[300];
    snprintf(path, sizeof path, "%s/locked", folder);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/locked/inner", folder);
    mkdir(path, 0000);
    snprintf(path, sizeof path, "%s/locked/closed", folder);
    mkdir(path, 0500);
    exit(0);
}

static void limits_of_others(void) {
    struct rlimit none = {0, 0};
    must_fail("of the process above", prlimit(getppid(), RLIMIT_NOFILE, &none, NULL));
    must_fail("of the first process", prlimit(1, RLIMIT_NOFILE, &none, NULL));
}

static void memory_unseen(void) {
    must_fail("memfd_create", memfd_create("x", 0));
    must_fail("shmget", syscall(SYS_shmget, 0, 1 << 20, 01600));
    must_fail("mlock", mlock((void *)((uintptr_t)&said & ~4095UL), 4096));
}

static void fill(const char *folder) {
    char path[300], *block = calloc(1, 1 << 20);
    memset(block, 7, 1 << 20);
    for (int i = 0;; i++) {
        snprintf(path, sizeof path, "%s/fill-%d", folder, i);
        int fd = open(path, O_WRONLY | O_CREAT, 0600);
        if (fd < 0) exit(0);
        for (int mib = 0; mib < 16; mib++)
            if (write(fd, block, 1 << 20) < (1 << 20)) exit(0);
        close(fd);
    }
}

static void files(const char *folder) {
    char path[300];
    for (int i = 0; i < 1000000; i++) {
        snprintf(path, sizeof path, "%s/%d", folder, i);
        int fd = open(path, O_WRONLY | O_CREAT, 0600);
        if (fd < 0) exit(0);
        close(fd);
    }
}

static void flood(void) {
    static char block[1 << 16];
    memset(block, 'x', sizeof block);
    for (int i = 0; i < 1024; i++) {
        if (write(1, block, sizeof block) < 0 || write(2, block, sizeof block) < 0) exit(0);
    }
}

static void linger(void) {
    if (fork() == 0) { setsid(); if (fork() == 0) { signal(SIGTERM, SIG_IGN); pause(); } _exit(0); }
    exit(0);
}

static void sparse(void) {
    int fd = open("/tmp/sparse", O_RDWR | O_CREAT, 0600);
    must_fail("a file of 1 TB", ftruncate(fd, (off_t)1 << 40));
}

static void open_files(void) {
    for (int i = 0; i < 5000; i++) if (open("/dev/null", O_RDONLY) < 0) { stopped(strerrorname_np(errno)); return; }
    open_way("5000 open files");
}

/* System calls. */
static void namespaces(void) {
    must_fail("unshare", unshare(CLONE_NEWUSER));
    must_fail("clone", syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
    struct clone_args args = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
    must_fail("clone3", syscall(SYS_clone3, &args, sizeof args));
}

static void enter(void) {
    int fd = open("/proc/1/ns/mnt", O_RDONLY);
    must_fail("setns", setns(fd < 0 ? 0 : fd, 0));
}

static void clocks(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    must_fail("clock_settime", clock_settime(CLOCK_REALTIME, &now));
    must_fail("adjtimex", syscall(SYS_adjtimex, NULL) < 0 && errno == EFAULT ? 0 : -1);
}

static void terminal(void) {
    char byte = '\n';
    errno = 0;
    if (ioctl(0, TIOCSTI, &byte) == 0) open_way("TIOCSTI");
    stopped(strerrorname_np(errno));
}

static void handles(void) {
    struct { struct file_handle handle; char bytes[128]; } file = {.handle = {.handle_bytes = 128}};
    int mount_id;
    must_fail("name_to_handle_at", name_to_handle_at(AT_FDCWD, "/usr", &file.handle, &mount_id, 0));
    must_fail("open_by_handle_at", open_by_handle_at(AT_FDCWD, &file.handle, O_RDONLY));
}

/* Runs a program without a kernel feature, as in some containers. */
#include <linux/filter.h>
#include <linux/seccomp.h>

static void without(char **arguments) {
    struct sock_filter list[64];
    unsigned at = 0;
#define PUT(...) list[at++] = (struct sock_filter)__VA_ARGS__
    PUT(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0));
    for (; *arguments && strcmp(*arguments, "--"); arguments++) {
        if (strcmp(*arguments, "landlock") == 0) {
            PUT(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 444, 0, 1));
            PUT(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS));
        } else if (strcmp(*arguments, "namespaces") == 0) {
            PUT(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1));
            PUT(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS));
            PUT(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_unshare, 0, 1));
            PUT(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
            PUT(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4));
            PUT(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16));
            PUT(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_NEWUSER, 0, 1));
            PUT(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
            PUT(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0));
        }
    }
    PUT(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    struct sock_fprog program = {(unsigned short)at, list};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 && *arguments) execvp(arguments[1], arguments + 1);
    perror("without");
    exit(127);
}

int main(int count, char **arguments) {
    const char *attack = count > 1 ? arguments[1] : "", *one = count > 2 ? arguments[2] : "", *two = count > 3 ? arguments[3] : "";
    marker = one, secret = two;
    setvbuf(stdout, NULL, _IONBF, 0);
#define IS(name) (strcmp(attack, name) == 0)
    if (IS("without")) without(arguments + 2);
    else if (IS("environment")) environment();
    else if (IS("environ-of-others")) processes("environ");
    else if (IS("command-lines")) processes("cmdline");
    else if (IS("memory-of-others")) memory_of_others();
    else if (IS("ptrace")) must_fail("attached", ptrace(PTRACE_ATTACH, getppid(), 0, 0));
    else if (IS("home")) read_secret(secret);
    else if (IS("dots")) by_dots();
    else if (IS("link")) by_link();
    else if (IS("proc-root")) by_proc();
    else if (IS("descriptors")) descriptors();
    else if (IS("shadow")) must_fail("/etc/shadow", open("/etc/shadow", O_RDONLY));
    else if (IS("keyring")) keyring();
    else if (IS("tcp")) inet(SOCK_STREAM, "127.0.0.1", atoi(one));
    else if (IS("udp")) inet(SOCK_DGRAM, "127.0.0.1", atoi(one));
    else if (IS("metadata")) inet(SOCK_STREAM, "169.254.169.254", 80);
    else if (IS("abstract-socket")) local(one, 1);
    else if (IS("path-socket")) local(one, 0);
    else if (IS("vsock")) sockets();
    else if (IS("raw-socket")) raw();
    else if (IS("own-loopback")) own_loopback();
#ifdef __x86_64__
    else if (IS("x32")) must_fail("x32", syscall(0x40000000 | 39));
    else if (IS("int80")) {
        long result;
        __asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory");
        must_fail("int 80", result < 0 ? -1 : result);
    }
#endif
    else if (IS("write-outside")) outside();
    else if (IS("write-target")) write_file("/target/attack");
    else if (IS("write-through-link")) { symlink("/usr/attack", "/tmp/out"); write_file("/tmp/out"); }
    else if (IS("hard-link")) hard_link();
    else if (IS("reopen")) reopen();
    else if (IS("remount")) remount();
    else if (IS("mknod")) nodes();
    else if (IS("configure-kernel")) configure();
    else if (IS("devices")) devices();
    else if (IS("set-uid")) set_uid();
    else if (IS("forks")) forks();
    else if (IS("memory")) touch((size_t)2000 << 20, MAP_PRIVATE);
    else if (IS("memory-in-four")) memory_in_four();
    else if (IS("memory-shared")) touch((size_t)2000 << 20, MAP_SHARED);
    else if (IS("memory-of-a-child")) memory_of_a_child();
    else if (IS("memory-of-tables")) memory_of_tables();
    else if (IS("memory-unmapped")) memory_unmapped();
    else if (IS("memory-in-sockets")) memory_in_sockets();
    else if (IS("memory-in-connections")) memory_in_connections();
    else if (IS("large-buffers")) large_buffers();
    else if (IS("watches")) watches();
    else if (IS("removed-files")) removed(one, 0);
    else if (IS("removed-mapped")) removed(one, 1);
    else if (IS("hidden")) hidden();
    else if (IS("locked-folder")) locked_folder(one);
    else if (IS("limits-of-others")) limits_of_others();
    else if (IS("change-mode")) must_fail("chmod", chmod(secret, 0777));
    else if (IS("memory-unseen")) memory_unseen();
    else if (IS("fill")) fill(one);
    else if (IS("files")) files(one);
    else if (IS("loop-of-a-child")) { if (fork() == 0) for (;;) {} wait(NULL); exit(0); }
    else if (IS("loop")) { signal(SIGTERM, SIG_IGN); for (;;) {} }
    else if (IS("flood")) flood();
    else if (IS("linger")) linger();
    else if (IS("sparse")) sparse();
    else if (IS("open-files")) open_files();
    else if (IS("namespaces")) namespaces();
    else if (IS("setns")) enter();
    else if (IS("io_uring")) must_fail("io_uring_setup", syscall(SYS_io_uring_setup, 1, NULL) < 0 && errno == EFAULT ? 0 : -1);
    else if (IS("bpf")) must_fail("bpf", syscall(SYS_bpf, 0, NULL, 0) < 0 && errno == EFAULT ? 0 : -1);
    else if (IS("userfaultfd")) must_fail("userfaultfd", syscall(SYS_userfaultfd, 1));
    else if (IS("perf")) must_fail("perf_event_open", syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0) < 0 && errno == EFAULT ? 0 : -1);
    else if (IS("terminal")) terminal();
    else if (IS("clocks")) clocks();
    else if (IS("handles")) handles();
    else if (!kernel_attack(attack, one)) { fprintf(stderr, "no such attack: %s\n", attack); return 2; }
    return 0;
}
