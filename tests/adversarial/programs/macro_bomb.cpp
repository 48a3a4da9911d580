// 16^7 additions for the compiler.
#define A(x) x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x
#define B(x) A(A(x))
#define C(x) B(B(x))
int main() { volatile int one = 1; return C(B(A(one))); }
