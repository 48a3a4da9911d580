// Loading the Last Wagon

import java.io.IOException;
import java.util.StringTokenizer;

public class Main {
    static long solve(int n, int capacity, long[] crates) {
        // crates: two numbers weight, fee for each crate
        // Your code goes here.
        return 0;
    }

    public static void main(String[] args) throws IOException {
        StringTokenizer words = new StringTokenizer(new String(System.in.readAllBytes()));
        int n = Integer.parseInt(words.nextToken());
        int capacity = Integer.parseInt(words.nextToken());
        long[] crates = new long[2 * n];
        for (int i = 0; i < crates.length; i++) crates[i] = Long.parseLong(words.nextToken());
        System.out.println(solve(n, capacity, crates));
    }
}
