/* The 32-bit doors of a 64-bit kernel, which a filter may have forgotten. 20 is getpid there. */
#include <stdio.h>
#include <unistd.h>

int main(void) {
    long result = -1;
#ifdef __x86_64__
    result = syscall(0x40000000 + 39);
    if (result > 0) { puts("ALLOWED x32"); return 0; }
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
#endif
    puts((int)result > 0 ? "ALLOWED int 0x80" : "refused");
    return 0;
}
