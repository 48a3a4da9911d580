#include </dev/full>
int main(void) { return 0; }
