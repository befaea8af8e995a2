/*
 * Loaded before libc: a resolver that answers too late for `.invalid`, and knows two addresses for `.several`, 127.0.0.2 and
 * 127.0.0.1. Only names are looked up with it, not addresses.
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
    if (node != NULL && strstr(node, ".several") != NULL) {
        int code = next("127.0.0.2", service, hints, found);
        struct addrinfo *last = *found;
        while (code == 0 && last->ai_next != NULL) {
            last = last->ai_next;
        }
        return code != 0 ? code : next("127.0.0.1", service, hints, &last->ai_next);
    }
    return next(node, service, hints, found);
}
