/* Records, in order, what a process does to the files of one folder: writes, truncations, syncs, removals, renames.
 *
 * Loaded before libc (LD_PRELOAD). FRESHET_RECORD_FOLDER is the folder, FRESHET_RECORD_LOG the log. A record is one byte of
 * kind, then the path, the offset, and the data: each length and the offset are 8 bytes, lowest first. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define MAX_FD 4096
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;
static char *paths[MAX_FD];
static int log_fd = -1;

static void put(const void *bytes, size_t length) {
    const char *at = bytes;
    while (length > 0) {
        ssize_t written = REAL(write)(log_fd, at, length);
        if (written <= 0) abort();
        at += written;
        length -= (size_t)written;
    }
}

static void record(char kind, const char *path, uint64_t offset, const void *data, uint64_t length) {
    if (log_fd < 0) {
        log_fd = REAL(open)(getenv("FRESHET_RECORD_LOG"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (log_fd < 0) abort();
    }
    uint64_t path_length = strlen(path);
    put(&kind, 1);
    put(&path_length, 8);
    put(path, path_length);
    put(&offset, 8);
    put(&length, 8);
    put(data, length);
}

static int is_ours(const char *path) {
    const char *folder = getenv("FRESHET_RECORD_FOLDER");
    return folder != NULL && strncmp(path, folder, strlen(folder)) == 0;
}

static const char *path_of(int fd) { return fd >= 0 && fd < MAX_FD ? paths[fd] : NULL; }

static int opened(int fd, const char *path, int flags) {
    struct stat found;
    if (fd >= 0 && fd < MAX_FD && is_ours(path) && fstat(fd, &found) == 0 && S_ISREG(found.st_mode)) {
        paths[fd] = strdup(path);
        record((flags & O_TRUNC) ? 'T' : 'C', path, 0, "", 0);
    }
    return fd;
}

#define OPEN(name)                                               \
    int name(const char *path, int flags, ...) {                 \
        va_list rest;                                            \
        va_start(rest, flags);                                   \
        mode_t mode = (flags & O_CREAT) ? va_arg(rest, mode_t) : 0; \
        va_end(rest);                                            \
        pthread_mutex_lock(&order);                              \
        int fd = opened(REAL(name)(path, flags, mode), path, flags); \
        pthread_mutex_unlock(&order);                            \
        return fd;                                               \
    }
OPEN(open)
OPEN(open64)

int close(int fd) {
    pthread_mutex_lock(&order);
    if (path_of(fd) != NULL) {
        free(paths[fd]);
        paths[fd] = NULL;
    }
    int result = REAL(close)(fd);
    pthread_mutex_unlock(&order);
    return result;
}

ssize_t write(int fd, const void *data, size_t length) {
    if (path_of(fd) == NULL) return REAL(write)(fd, data, length);
    pthread_mutex_lock(&order);
    off_t offset = lseek(fd, 0, SEEK_CUR);
    ssize_t written = REAL(write)(fd, data, length);
    if (written > 0) record('W', paths[fd], (uint64_t)offset, data, (uint64_t)written);
    pthread_mutex_unlock(&order);
    return written;
}

#define PWRITE(name, offset_type)                                                           \
    ssize_t name(int fd, const void *data, size_t length, offset_type offset) {             \
        if (path_of(fd) == NULL) return REAL(name)(fd, data, length, offset);               \
        pthread_mutex_lock(&order);                                                         \
        ssize_t written = REAL(name)(fd, data, length, offset);                             \
        if (written > 0) record('W', paths[fd], (uint64_t)offset, data, (uint64_t)written); \
        pthread_mutex_unlock(&order);                                                       \
        return written;                                                                     \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define FTRUNCATE(name, offset_type)                                                     \
    int name(int fd, offset_type length) {                                               \
        pthread_mutex_lock(&order);                                                      \
        int result = REAL(name)(fd, length);                                             \
        if (result == 0 && path_of(fd)) record('T', paths[fd], (uint64_t)length, "", 0); \
        pthread_mutex_unlock(&order);                                                    \
        return result;                                                                   \
    }
FTRUNCATE(ftruncate, off_t)
FTRUNCATE(ftruncate64, off64_t)

#define SYNC(name)                                                          \
    int name(int fd) {                                                      \
        pthread_mutex_lock(&order);                                         \
        int result = REAL(name)(fd);                                        \
        if (result == 0 && path_of(fd)) record('S', paths[fd], 0, "", 0);   \
        pthread_mutex_unlock(&order);                                       \
        return result;                                                      \
    }
SYNC(fsync)
SYNC(fdatasync)

int unlink(const char *path) {
    pthread_mutex_lock(&order);
    int result = REAL(unlink)(path);
    if (result == 0 && is_ours(path)) record('U', path, 0, "", 0);
    pthread_mutex_unlock(&order);
    return result;
}

int rename(const char *from, const char *to) {
    pthread_mutex_lock(&order);
    int result = REAL(rename)(from, to);
    if (result == 0 && is_ours(from)) record('R', from, 0, to, strlen(to));
    pthread_mutex_unlock(&order);
    return result;
}
