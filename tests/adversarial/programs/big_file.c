/* Reserve 200 MB, then write them; SIGXFSZ or an error must come first. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(void) {
    static char block[1 << 20] = "beans";
    int file = open("beans.txt", O_CREAT | O_WRONLY, 0644);
    long written = 0;
    for (int i = 0; i < 200; i++) {
        ssize_t more = write(file, block, sizeof block);
        if (more < 0) break;
        written += more;
    }
    puts(written >= 200 << 20 || posix_fallocate(file, 0, 200 << 20) == 0 ? "ALLOWED" : "refused");
    return 0;
}
