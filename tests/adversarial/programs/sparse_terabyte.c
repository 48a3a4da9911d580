/* A file that is a terabyte long and takes no room. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int main(void) {
    signal(SIGXFSZ, SIG_IGN);
    int file = open("sparse", O_CREAT | O_RDWR, 0644);
    int grown = ftruncate(file, 1L << 40) == 0;
    lseek(file, 1L << 40, SEEK_SET);
    grown |= write(file, "x", 1) == 1;
    puts(grown ? "ALLOWED" : "refused");
    return 0;
}
