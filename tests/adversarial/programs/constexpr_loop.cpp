// Each evaluation stays under the compiler's own bound of operations, and there are many.
constexpr long work(long seed) {
    long sum = seed;
    for (long i = 0; i < 200000; i++) sum = sum * 31 + i % 7;
    return sum & 0xff;
}
template <int N> struct Chain { static constexpr long value = work(N) + Chain<N - 1>::value; };
template <> struct Chain<0> { static constexpr long value = 0; };
int main() { return Chain<800>::value; }
