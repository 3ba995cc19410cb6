/* Attacks through kernel objects: memory outside of processes, CPU time of unreaped processes, unusual
 * system calls, and traces that one sandbox could leave for another. Called by `attack.c`. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void open_way(const char *what);
void stopped(const char *what);
void must_fail(const char *what, long result);
void touch(size_t bytes, int flags);

static const size_t MIB = 1 << 20;

static void *take_memory(void *nothing) {
    (void)nothing;
    usleep(100000);
    touch(600 * MIB, MAP_PRIVATE);
    return NULL;
}

/* The first thread has exited: the process's own files in `/proc` are empty. */
static void behind_a_leader(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, take_memory, NULL)) exit(0);
    pthread_exit(NULL);
}

/* Hides in the same way, and holds unlinked files. */
static void *take_files(void *folder) {
    static char block[1 << 20];
    char path[300];
    memset(block, 7, sizeof block);
    usleep(100000);
    for (int i = 0; i < 20; i++) {
        snprintf(path, sizeof path, "%s/behind-%d", (char *)folder, i);
        int fd = open(path, O_RDWR | O_CREAT, 0600);
        if (fd < 0 || unlink(path)) exit(0);
        for (int mib = 0; mib < 16; mib++)
            if (write(fd, block, MIB) < (ssize_t)MIB) pause();
    }
    pause();
    return NULL;
}

static void files_behind_a_leader(const char *folder) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, take_files, (void *)folder)) exit(0);
    pthread_exit(NULL);
}

/* One byte keeps its page, or its huge page, in memory. */
static void pages_in_pipes(void) {
    int ends[2], others[2];
    char *memory = mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memory[0] = 1;
    struct iovec one = {memory, 1};
    if (pipe(ends) || pipe(others)) return;
    must_fail("vmsplice", vmsplice(ends[1], &one, 1, 0));
    if (write(ends[1], "x", 1) != 1) return;
    must_fail("tee", tee(ends[0], others[1], 1, 0));
    int file = open("/usr/bin/env", O_RDONLY);
    must_fail("splice", splice(file, NULL, ends[1], NULL, 1, 0));
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) return;
    off_t at = 0;
    must_fail("sendfile", sendfile(pair[0], file, &at, 1));
    must_fail("a larger pipe", fcntl(ends[1], F_SETPIPE_SZ, 1 << 20));
    must_fail("tables of descriptors that only one thread has",
        syscall(SYS_close_range, 1000, 1000, 2));
}

static void full_pipe(int out) {
    static char block[1 << 16];
    fcntl(out, F_SETFL, O_NONBLOCK);
    while (write(out, block, 4096) > 0) {}
}

static void memory_in_pipes(void) {
    for (int child = 0; child < 60; child++) {
        if (fork() != 0) continue;
        for (int i = 0; i < 240; i++) {
            int ends[2];
            if (pipe(ends)) break;
            full_pipe(ends[1]);
            close(ends[1]);
        }
        pause();
    }
    pause();
}

static void memory_in_named_pipes(const char *folder) {
    char path[300];
    for (int child = 0; child < 60; child++) {
        if (fork() != 0) continue;
        snprintf(path, sizeof path, "%s/pipe-%d", folder, child);
        for (int i = 0; i < 240; i++) {
            if (mkfifo(path, 0600)) exit(0);
            int fd = open(path, O_RDWR | O_NONBLOCK);
            if (fd < 0 || unlink(path)) exit(0);
            full_pipe(fd);
        }
        sleep(2);
        exit(0);
    }
    while (wait(NULL) > 0) {}
    exit(0);
}

/* Empty mappings use kernel memory. */
static void memory_of_mappings(void) {
    for (int child = 0; child < 100; child++) {
        if (fork() != 0) continue;
        size_t pages = 65000;
        char *memory = mmap(NULL, pages * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        for (size_t page = 0; memory != MAP_FAILED && page < pages; page += 2)
            mprotect(memory + page * 4096, 4096, PROT_READ);
        pause();
    }
    pause();
}

/* Each pair of an epoll and a watched descriptor is a kernel object. */
static void memory_of_watches(void) {
    for (int child = 0; child < 100; child++) {
        if (fork() != 0) continue;
        int watched[120], watching[120];
        for (int i = 0; i < 120; i++) watched[i] = eventfd(0, 0), watching[i] = epoll_create1(0);
        for (int i = 0; i < 120; i++)
            for (int j = 0; j < 120; j++) {
                struct epoll_event event = {.events = EPOLLIN};
                epoll_ctl(watching[i], EPOLL_CTL_ADD, watched[j], &event);
            }
        pause();
    }
    pause();
}

/* Locks on single bytes. */
static void memory_of_locks(const char *folder) {
    char path[300];
    for (int i = 0; i < 200; i++) {
        snprintf(path, sizeof path, "%s/locks-%d", folder, i);
        int fd = open(path, O_RDWR | O_CREAT, 0600);
        if (fd < 0) break;
        for (int byte = 0; byte < 5000; byte++) {
            struct flock lock = {.l_type = F_WRLCK, .l_start = 2 * byte, .l_len = 1};
            if (fcntl(fd, F_OFD_SETLK, &lock) && fcntl(fd, F_SETLK, &lock)) break;
        }
    }
    pause();
}

/* Shared memory of which only one page is still mapped. */
static void memory_half_unmapped(void) {
    for (int i = 0; i < 300; i++) {
        char *memory = mmap(NULL, 2 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) break;
        memset(memory, 1, 2 * MIB);
        munmap(memory + 4096, 2 * MIB - 4096);
    }
    pause();
}

static void unlisted_memory(void) {
    must_fail("semget", syscall(SYS_semget, 0x7e9e, 32000, 01600));
    must_fail("msgget", syscall(SYS_msgget, 0x7e9e, 01600));
    long context = 0;
    must_fail("io_setup", syscall(SYS_io_setup, 64, &context));
    must_fail("huge pages of the machine's",
        (long)mmap(NULL, 2 * MIB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0));
    must_fail("a rule set", syscall(444, &(uint64_t[3]){1, 0, 0}, 8, 0));
    struct { unsigned short count; void *list; } filter = {0, NULL};
    must_fail("a filter", syscall(SYS_seccomp, 1, 0, &filter) < 0 && errno == EINVAL ? 0 : -1);
    must_fail("a filter", prctl(PR_SET_SECCOMP, 2, &filter) < 0 && errno == EFAULT ? 0 : -1);
    must_fail("huge pages by parts", prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0));
    if (prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 0) open_way("huge pages, of which a part is used");
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct { unsigned short code; unsigned char jt, jf; unsigned k; } pass = {6, 0, 0, 1};
    struct { unsigned short count; void *list; } program = {1, &pass};
    must_fail("a socket's filter", fd < 0 ? -1 : setsockopt(fd, SOL_SOCKET, 26, &program, sizeof program));
}

/* Extended attributes use unaccounted memory, and are visible to other processes. */
static void attributes(const char *folder) {
    char path[300];
    snprintf(path, sizeof path, "%s/attributes", folder);
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    must_fail("setxattr", syscall(SYS_setxattr, path, "user.x", "x", 1, 0));
    must_fail("fsetxattr", syscall(SYS_fsetxattr, fd, "user.x", "x", 1, 0));
    struct { uint64_t value; uint32_t size, flags; } attribute = {(uint64_t)(uintptr_t)"x", 1, 0};
    must_fail("setxattrat", syscall(463, AT_FDCWD, path, 0, "user.x", &attribute, sizeof attribute));
    uint64_t file[4] = {0};
    must_fail("file_setattr", syscall(469, AT_FDCWD, path, file, 24, 0));
    int flags = FS_NOATIME_FL;
    must_fail("FS_IOC_SETFLAGS", ioctl(fd, FS_IOC_SETFLAGS, &flags));
}

/* Devices are shared: changes are visible to all processes. */
static void marked_devices(void) {
    const char *paths[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        must_fail(paths[i], utimensat(AT_FDCWD, paths[i], NULL, 0));
        struct timespec times[2] = {{12345, 0}, {67890, 0}};
        must_fail(paths[i], utimensat(AT_FDCWD, paths[i], times, 0));
        int fd = open(paths[i], O_RDWR);
        if (fd < 0) fd = open(paths[i], O_RDONLY);
        must_fail(paths[i], fd < 0 ? -1 : futimens(fd, NULL));
        must_fail(paths[i], chmod(paths[i], 0644));
        must_fail(paths[i], chown(paths[i], getuid(), getgid()));
        must_fail(paths[i], unlink(paths[i]));
    }
}

/* Argument: a file that is locked and regularly opened on the machine. */
static void locks_of_others(const char *file) {
    int fd = open(file, O_RDONLY);
    if (fd < 0) { stopped("not there"); return; }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) open_way("a lock of the machine's is seen");
    stopped("not seen");
}

static void looks_of_others(const char *file) {
    int watch = inotify_init1(IN_NONBLOCK);
    if (watch < 0 || inotify_add_watch(watch, file, IN_OPEN) < 0) { stopped("not there"); return; }
    usleep(300000);
    char events[4096];
    if (read(watch, events, sizeof events) > 0) open_way("the machine's use of a file is seen");
    stopped("not seen");
}

static void alarms(void) {
    for (int clock = 8; clock <= 9; clock++) {
        timer_t timer;
        struct sigevent nothing = {.sigev_notify = SIGEV_NONE};
        must_fail("timerfd_create", timerfd_create(clock, 0));
        must_fail("timer_create", timer_create(clock, &nothing, &timer));
        struct timespec soon = {0, 1};
        must_fail("clock_nanosleep", syscall(SYS_clock_nanosleep, clock, 0, &soon, NULL) ? -1 : 0);
    }
    struct timespec now = {1, 0};
    struct timeval then = {1, 0};
    must_fail("clock_settime", syscall(SYS_clock_settime, CLOCK_REALTIME, &now));
    must_fail("settimeofday", syscall(SYS_settimeofday, &then, NULL));
    char state[512] = {0};
    must_fail("clock_adjtime", syscall(SYS_clock_adjtime, CLOCK_REALTIME, state));
}

/* Other calls, including future ones. */
static void unlisted(void) {
    const int calls[] = {451, 457, 458, 459, 460, 461, 463, 464, 465, 466, 467, 468, 469, 470, 471, 480, 499};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        if (syscall(calls[i], -1, 0, 0, 0, 0, 0) >= 0 || errno != ENOSYS) {
            char what[40];
            snprintf(what, sizeof what, "call %d: %d", calls[i], errno);
            open_way(what);
        }
    }
    stopped("ENOSYS");
}

static void families(void) {
    for (int family = 0; family < 50; family++) {
        if (family == AF_UNIX || family == AF_INET || family == AF_INET6 || family == AF_NETLINK) continue;
        for (int type = 1; type < 11; type++) {
            int fd = socket(family, type, 0);
            char what[40];
            snprintf(what, sizeof what, "family %d, type %d", family, type);
            must_fail(what, fd);
            if (fd < 0 && errno != EAFNOSUPPORT && errno != EPERM) open_way(what);
        }
    }
    must_fail("SCTP", socket(AF_INET, SOCK_STREAM, 132));
    must_fail("MPTCP", socket(AF_INET, SOCK_STREAM, 262));
    must_fail("ICMP", socket(AF_INET, SOCK_DGRAM, 1));
    must_fail("UDP-Lite", socket(AF_INET, SOCK_DGRAM, 136));
    must_fail("netfilter's netlink", socket(AF_NETLINK, SOCK_RAW, 12));
}

/* CPU time of unreaped children. */
static void unwaited(long milliseconds) {
    signal(SIGCHLD, SIG_IGN);
    /* Four times the limit, plus time for measurements. */
    for (long used = 0; used < 8000; used += milliseconds) {
        pid_t child = fork();
        if (child == 0) {
            struct timespec used;
            do clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
            while (used.tv_sec * 1000 + used.tv_nsec / 1000000 < milliseconds);
            _exit(0);
        }
        /* Until it is gone. */
        while (wait(NULL) >= 0 || errno == EINTR) {}
    }
    open_way("four times the processor time");
}

int kernel_attack(const char *attack, const char *one) {
#define IS(name) (strcmp(attack, name) == 0)
    if (IS("memory-behind-a-leader")) behind_a_leader();
    else if (IS("files-behind-a-leader")) files_behind_a_leader(one);
    else if (IS("pages-in-pipes")) pages_in_pipes();
    else if (IS("memory-in-pipes")) memory_in_pipes();
    else if (IS("memory-in-named-pipes")) memory_in_named_pipes(one);
    else if (IS("memory-of-mappings")) memory_of_mappings();
    else if (IS("memory-of-watches")) memory_of_watches();
    else if (IS("memory-of-locks")) memory_of_locks(one);
    else if (IS("memory-half-unmapped")) memory_half_unmapped();
    else if (IS("memory-unlisted")) unlisted_memory();
    else if (IS("attributes")) attributes(one);
    else if (IS("marked-devices")) marked_devices();
    else if (IS("locks-of-others")) locks_of_others(one);
    else if (IS("looks-of-others")) looks_of_others(one);
    else if (IS("alarms")) alarms();
    else if (IS("unlisted")) unlisted();
    else if (IS("families")) families();
    else if (IS("unwaited-children")) unwaited(200);
    else if (IS("unwaited-short-children")) unwaited(5);
    else return 0;
    return 1;
}
