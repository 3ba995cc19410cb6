/* Calls of the C library's that an honest program makes, and what it may rightly expect of them. */
#define _GNU_SOURCE
#include <assert.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void *count(void *number) { return (char *)number + 1; }

int main(void) {
    pthread_t threads[32];
    for (size_t i = 0; i < 32; i++) assert(!pthread_create(&threads[i], NULL, count, (void *)i));
    for (size_t i = 0; i < 32; i++) {
        void *result;
        assert(!pthread_join(threads[i], &result) && (size_t)result == i + 1);
    }
    if (!getenv("OF_THE_MACHINE")) {
        sem_t *semaphore = sem_open("/honest", O_CREAT, 0600, 1);
        assert(semaphore != SEM_FAILED && !sem_wait(semaphore) && !sem_post(semaphore));
        int shared = shm_open("/honest", O_RDWR | O_CREAT, 0600);
        assert(shared >= 0 && !ftruncate(shared, 4096));
        assert(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, shared, 0) != MAP_FAILED);
    }

    char *arguments[] = {"true", NULL};
    pid_t child;
    int status;
    assert(!posix_spawnp(&child, "true", NULL, NULL, arguments, arguments + 1));
    assert(waitpid(child, &status, 0) == child && status == 0);
    assert(system("exit 3") == 3 << 8);
    FILE *output = popen("echo hello", "r");
    char line[10];
    assert(fgets(line, sizeof line, output) && !strcmp(line, "hello\n") && !pclose(output));

    int event = eventfd(1, EFD_CLOEXEC), timer = timerfd_create(CLOCK_MONOTONIC, 0), all = epoll_create1(0);
    struct itimerspec soon = {.it_value = {0, 1000000}};
    assert(!timerfd_settime(timer, 0, &soon, NULL));
    struct epoll_event wanted = {.events = EPOLLIN};
    assert(!epoll_ctl(all, EPOLL_CTL_ADD, event, &wanted) && !epoll_ctl(all, EPOLL_CTL_ADD, timer, &wanted));
    assert(epoll_wait(all, &wanted, 1, 5000) == 1);
    sigset_t signals;
    sigemptyset(&signals), sigaddset(&signals, SIGUSR1);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    int heard = signalfd(-1, &signals, 0);
    raise(SIGUSR1);
    struct signalfd_siginfo info;
    assert(read(heard, &info, sizeof info) == sizeof info);
    timer_t alarm;
    struct sigevent how = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    assert(!timer_create(CLOCK_REALTIME, &how, &alarm) && !timer_settime(alarm, 0, &soon, NULL));
    assert(read(heard, &info, sizeof info) == sizeof info);
    assert(inotify_add_watch(inotify_init1(0), "/tmp", IN_CREATE) >= 0 || getenv("HOME"));

    int ends[2];
    assert(!pipe2(ends, O_CLOEXEC) && fcntl(ends[0], F_GETPIPE_SZ) >= 4096);
    struct rlimit limit;
    assert(!getrlimit(RLIMIT_NOFILE, &limit) && !setrlimit(RLIMIT_NOFILE, &limit));
    struct timespec pause = {0, 1000};
    assert(!clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL) && sysconf(_SC_NPROCESSORS_ONLN) > 0);
    struct ifaddrs *interfaces;
    assert(getenv("OF_THE_MACHINE") || (!getifaddrs(&interfaces) && interfaces));
    printf("all good\n");
}
