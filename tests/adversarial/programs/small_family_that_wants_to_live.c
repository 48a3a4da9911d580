/* Ask the kernel to kill somebody else first, then take memory in many small pieces, all at once. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void) {
    int file = open("/proc/self/oom_score_adj", O_WRONLY);
    if (write(file, "0", 1) < 0) write(file, "500", 3);
    for (int i = 0; i < 100; i++) {
        if (fork() == 0) {
            char *block = mmap(0, 10 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            memset(block, 1, 10 << 20);
            for (;;) pause();
        }
    }
    for (;;) pause();
}
