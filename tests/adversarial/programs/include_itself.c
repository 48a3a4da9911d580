#include "include_itself.c"
#include "program.c"
#include "main.c"
#include __FILE__
int main(void) { return 0; }
