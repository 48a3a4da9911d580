/* Memory that belongs to no process's heap: anonymous files. */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void) {
    static char block[1 << 20] = {1};
    int file = memfd_create("memory", 0);
    for (int i = 0; i < 256; i++) {
        if (i % 8 == 0) file = memfd_create("memory", 0);
        if (write(file, block, sizeof block) < 0) { puts("refused"); return 0; }
    }
    puts("256 MiB");
    return 0;
}
