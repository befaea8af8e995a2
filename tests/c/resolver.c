/*
 * Loaded before libc: a resolver that answers too late. Only names are looked up with it, not addresses.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
    int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = NULL;
    void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
    memcpy(&next, &symbol, sizeof next);
    if (node != NULL && strstr(node, ".invalid") != NULL) {
        sleep(300);
    }
    return next(node, service, hints, found);
}
