/* Directives that name files: none of them may write or run anything. */
#pragma GCC dependency "/etc/shadow"
#pragma GCC pch_preprocess "/etc/shadow"
#pragma GCC plugin "/tmp/plugin.so"
#line 1 "/box/out/program"
#ident "$(touch /tmp/planted)"
__asm__(".file 1 \"/tmp/planted\"\n.include \"/etc/shadow\"\n");
int main(void) { return 0; }
