// Errors without end, each quoting a long token made by pasting.
#define PASTE(a, b) a##b
#define GROW(a, b) PASTE(a, b)
#define T1 GROW(undeclared_name_, undeclared_name_)
#define X4(x) x; x; x; x;
#define X64(x) X4(X4(X4(x)))
#define X4096(x) X64(X64(x))
int main() { X64(X4096(int a = T1 + "text" * &main)) }
