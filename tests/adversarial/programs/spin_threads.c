/* Two threads and two children: their CPU time counts together. */
#include <pthread.h>
#include <unistd.h>

static void *spin(void *unused) { for (;;) {} return unused; }

int main(void) {
    pthread_t thread;
    pthread_create(&thread, 0, spin, 0);
    fork();
    spin(0);
}
