// Two instantiations for each, 900 levels deep: under the depth limit, and far beyond any time.
template <int Depth, int Path> struct Tree {
    static constexpr int value = Tree<Depth - 1, Path * 2>::value + Tree<Depth - 1, Path * 2 + 1>::value;
};
template <int Path> struct Tree<0, Path> { static constexpr int value = 1; };
int main() { return Tree<30, 0>::value; }
