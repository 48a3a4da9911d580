public class Main {
    int answer() {
        return 42;
    }
}
