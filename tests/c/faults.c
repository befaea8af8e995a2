/*
 * Loaded before libc: numbers the calls that change a file whose name begins with FAULT_FILE, and strikes at one.
 *
 * Each call has two points, before it (odd) and after it (even). FAULT_AT is "<kind>:<point>":
 *   kill   the process kills itself there
 *   error  the call fails: before, nothing has happened; after, it has, and is said to have failed all the same
 *   stop   the process stops itself there, until somebody lets it go on
 * FAULT_LOG names a file that gets a line for each point.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static long passed;

static int is_ours(const char *path)
{
    const char *file = getenv("FAULT_FILE");
    return file != NULL && strncmp(path, file, strlen(file)) == 0;
}

static int is_open_on_ours(int descriptor)
{
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = '\0';
    return is_ours(path);
}

static void tell(const char *call)
{
    const char *log = getenv("FAULT_LOG");
    FILE *file = log != NULL ? fopen(log, "a") : NULL;
    if (file != NULL) {
        fprintf(file, "%s %s\n", passed % 2 == 1 ? "before" : "after", call);
        fclose(file);
    }
}

/* Passes a point; 1 if the call is to fail. */
static int fails_here(const char *call)
{
    const char *fault = getenv("FAULT_AT");
    passed++;
    tell(call);
    const char *point = fault != NULL ? strchr(fault, ':') : NULL;
    if (point == NULL || atol(point + 1) != passed)
        return 0;
    if (strncmp(fault, "kill", 4) == 0)
        kill(getpid(), SIGKILL);
    if (strncmp(fault, "stop", 4) == 0)
        kill(getpid(), SIGSTOP);
    return strncmp(fault, "error", 5) == 0;
}

#define WRAP(name, type, ours, parameters, arguments)                   \
    type name parameters                                                \
    {                                                                   \
        static type(*real) parameters;                                  \
        if (real == NULL)                                               \
            *(void **)&real = dlsym(RTLD_NEXT, #name);                  \
        if (!(ours))                                                    \
            return real arguments;                                      \
        if (fails_here(#name)) {                                        \
            errno = EIO;                                                \
            return -1;                                                  \
        }                                                               \
        type result = real arguments;                                   \
        int error = errno;                                              \
        if (fails_here(#name)) {                                        \
            errno = EIO;                                                \
            return -1;                                                  \
        }                                                               \
        errno = error;                                                  \
        return result;                                                  \
    }

WRAP(write, ssize_t, is_open_on_ours(file), (int file, const void *bytes, size_t length), (file, bytes, length))
WRAP(pwrite64, ssize_t, is_open_on_ours(file), (int file, const void *bytes, size_t length, off64_t at),
     (file, bytes, length, at))
WRAP(fsync, int, is_open_on_ours(file), (int file), (file))
WRAP(fdatasync, int, is_open_on_ours(file), (int file), (file))
WRAP(ftruncate64, int, is_open_on_ours(file), (int file, off64_t length), (file, length))
WRAP(unlink, int, is_ours(path), (const char *path), (path))

/* SQLite locks through fcntl. Whatever else that is used for has no more than one argument, of a pointer's size at most. */
static int sets_lock(int file, int command)
{
    return (command == F_SETLK || command == F_SETLKW) && is_open_on_ours(file);
}

static int step_fcntl(int (*real)(int, int, ...), int file, int command, void *argument)
{
    if (!sets_lock(file, command))
        return real(file, command, argument);
    if (fails_here("fcntl")) {
        errno = EIO;
        return -1;
    }
    int result = real(file, command, argument);
    int error = errno;
    if (fails_here("fcntl")) {
        errno = EIO;
        return -1;
    }
    errno = error;
    return result;
}

#define WRAP_FCNTL(name)                                                \
    int name(int file, int command, ...)                                \
    {                                                                   \
        static int (*real)(int, int, ...);                              \
        if (real == NULL)                                               \
            *(void **)&real = dlsym(RTLD_NEXT, #name);                  \
        va_list arguments;                                              \
        va_start(arguments, command);                                   \
        void *argument = va_arg(arguments, void *);                     \
        va_end(arguments);                                              \
        return step_fcntl(real, file, command, argument);               \
    }

WRAP_FCNTL(fcntl)
WRAP_FCNTL(fcntl64)
