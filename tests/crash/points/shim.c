/* Preloaded into a process and all that it starts: counts the calls that change files below given folders, and at one
 * of them kills the process group before the call, or lets the call fail; or waits before each call until somebody has
 * looked at the folders. What to do is in a page of shared memory (machine.py has the same layout), so that processes
 * which are forked from one that is already loaded obey it too.
 *
 * Not seen: calls that the C library makes inside itself (the last flush of a FILE), and stores into mapped memory.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OFF, TRACE, KILL, FULL, IO_ERROR, SHORT, LOOK };
#define ROOTS 4
#define PATIENCE 6000000 /* naps of 100 microseconds */

struct control {
    long count;            /* calls so far */
    long point;            /* the call at which something happens, from 1 */
    long mode;
    long leader;           /* the process group to kill */
    long reached;          /* how often something happened */
    long waiting;          /* the call that waits to be looked at */
    long seen;             /* the last call that was */
    long busy;             /* whether one waits: others come after it */
    char roots[ROOTS][1024];
};

static struct control *page;
static int journal = -1; /* where calls are written down */

#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("CRASH_CONTROL"), *calls = getenv("CRASH_JOURNAL");
    if (!path || !calls) return;
    int file = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    if (file < 0) return; /* in a sandbox */
    void *mapped = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    syscall(SYS_close, file);
    int low = (int)syscall(SYS_openat, AT_FDCWD, calls, O_WRONLY | O_APPEND | O_CLOEXEC, 0);
    journal = (int)syscall(SYS_fcntl, low, F_DUPFD_CLOEXEC, 900);
    syscall(SYS_close, low);
    if (mapped != MAP_FAILED) page = mapped;
}

/* The path without its folder's links, for a descriptor (path NULL) or a path in a folder; 0 where there is none. */
static int absolute(int folder, const char *path, char *out) {
    char link[64];
    ssize_t size = 0;
    if (path && path[0] == '/') {
        snprintf(out, PATH_MAX, "%s", path);
        return 1;
    }
    snprintf(link, sizeof link, folder == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", folder);
    size = readlink(link, out, PATH_MAX - 1);
    if (size <= 0) return 0;
    out[size] = 0;
    if (path) snprintf(out + size, PATH_MAX - (size_t)size, "/%s", path);
    return 1;
}

static const char *watched(const char *path) {
    for (int i = 0; i < ROOTS; i++) {
        size_t size = strlen(page->roots[i]);
        if (size && !strncmp(path, page->roots[i], size) && (path[size] == '/' || !path[size])) return page->roots[i];
    }
    return NULL;
}

/* 0: make the call. 1: make it with half of its bytes. -1: it has failed, errno is set. */
static int meet(const char *call, int folder, const char *path, int grows) {
    char full[PATH_MAX], line[PATH_MAX + 64];
    if (!page || page->mode == OFF) return 0;
    int before = errno;
    int found = absolute(folder, path, full) && watched(full);
    errno = before;
    if (!found) return 0;
    int looked = page->mode == LOOK;
    while (looked && __atomic_exchange_n(&page->busy, 1, __ATOMIC_SEQ_CST)) usleep(100);
    long n = __atomic_add_fetch(&page->count, 1, __ATOMIC_SEQ_CST);
    int size = snprintf(line, sizeof line, "%ld %s %s\n", n, call, full);
    syscall(SYS_write, journal, line, (size_t)size);
    if (looked) {
        __atomic_store_n(&page->waiting, n, __ATOMIC_SEQ_CST);
        for (long i = 0; page->mode == LOOK && __atomic_load_n(&page->seen, __ATOMIC_SEQ_CST) < n; i++) {
            if (i == PATIENCE) kill(-(pid_t)page->leader, SIGKILL); /* nobody looks any more */
            usleep(100);
        }
        __atomic_store_n(&page->busy, 0, __ATOMIC_SEQ_CST);
    }
    errno = before;
    if (page->mode == FULL && n >= page->point && grows) { /* a full disk stays full */
        page->reached++;
        errno = ENOSPC;
        return -1;
    }
    if (n != page->point) return 0;
    switch (page->mode) {
    case KILL:
        page->reached++;
        kill(-(pid_t)page->leader, SIGKILL);
        for (;;) pause();
    case IO_ERROR:
        page->reached++;
        errno = EIO;
        return -1;
    case SHORT:
        page->reached++;
        return 1;
    default:
        return 0;
    }
}

static int exists(int folder, const char *path) {
    struct stat found;
    int before = errno, there = syscall(SYS_newfstatat, folder, path, &found, AT_SYMLINK_NOFOLLOW) == 0;
    errno = before;
    return there;
}

#define HALF(met, size) ((met) == 1 && (size) > 1 ? (size) / 2 : (size))

ssize_t write(int fd, const void *from, size_t size) {
    int met = meet("write", fd, NULL, 1);
    return met < 0 ? -1 : syscall(SYS_write, fd, from, HALF(met, size));
}
ssize_t pwrite64(int fd, const void *from, size_t size, off64_t at) {
    int met = meet("pwrite", fd, NULL, 1);
    return met < 0 ? -1 : syscall(SYS_pwrite64, fd, from, HALF(met, size), at);
}
ssize_t pwrite(int fd, const void *from, size_t size, off_t at) { return pwrite64(fd, from, size, at); }
ssize_t writev(int fd, const struct iovec *from, int count) {
    return meet("writev", fd, NULL, 1) < 0 ? -1 : syscall(SYS_writev, fd, from, count);
}
ssize_t sendfile64(int to, int from, off64_t *at, size_t size) {
    return meet("sendfile", to, NULL, 1) < 0 ? -1 : REAL(sendfile64)(to, from, at, size);
}
ssize_t sendfile(int to, int from, off_t *at, size_t size) { return sendfile64(to, from, (off64_t *)at, size); }
int fsync(int fd) { return meet("fsync", fd, NULL, 0) < 0 ? -1 : (int)syscall(SYS_fsync, fd); }
int fdatasync(int fd) { return meet("fdatasync", fd, NULL, 0) < 0 ? -1 : (int)syscall(SYS_fdatasync, fd); }
int ftruncate64(int fd, off64_t size) {
    return meet("ftruncate", fd, NULL, 0) < 0 ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

int renameat(int from, const char *old, int to, const char *fresh) {
    return meet("rename", to, fresh, 0) < 0 ? -1 : REAL(renameat)(from, old, to, fresh);
}
int rename(const char *old, const char *fresh) { return renameat(AT_FDCWD, old, AT_FDCWD, fresh); }
int linkat(int from, const char *old, int to, const char *fresh, int flags) {
    return meet("link", to, fresh, 1) < 0 ? -1 : REAL(linkat)(from, old, to, fresh, flags);
}
int link(const char *old, const char *fresh) { return linkat(AT_FDCWD, old, AT_FDCWD, fresh, 0); }
int unlinkat(int folder, const char *path, int flags) {
    if (exists(folder, path) && meet("unlink", folder, path, 0) < 0) return -1;
    return REAL(unlinkat)(folder, path, flags);
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }
int mkdirat(int folder, const char *path, mode_t mode) {
    if (!exists(folder, path) && meet("mkdir", folder, path, 1) < 0) return -1;
    return REAL(mkdirat)(folder, path, mode);
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

int openat64(int folder, const char *path, int flags, ...) {
    mode_t mode = 0;
    if (flags & (O_CREAT | __O_TMPFILE)) {
        va_list rest;
        va_start(rest, flags);
        mode = va_arg(rest, mode_t);
        va_end(rest);
    }
    int makes = (flags & O_CREAT) && !exists(folder, path);
    if ((makes || (flags & O_TRUNC)) && meet(makes ? "create" : "empty", folder, path, makes) < 0) return -1;
    return (int)syscall(SYS_openat, folder, path, flags, mode);
}
#define OPENER(name, first, last)                                 \
    int name {                                                    \
        mode_t mode = 0;                                          \
        if (flags & (O_CREAT | __O_TMPFILE)) {                    \
            va_list rest;                                         \
            va_start(rest, flags);                                \
            mode = va_arg(rest, mode_t);                          \
            va_end(rest);                                         \
        }                                                         \
        return openat64(first, path, flags last, mode);           \
    }
OPENER(openat(int folder, const char *path, int flags, ...), folder, )
OPENER(open(const char *path, int flags, ...), AT_FDCWD, )
OPENER(open64(const char *path, int flags, ...), AT_FDCWD, )
