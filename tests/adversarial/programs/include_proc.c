#include "/proc/self/fd/0"
#include "/proc/self/mem"
#include "/proc/kmsg"
int main(void) { return 0; }
