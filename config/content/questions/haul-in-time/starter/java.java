// The Weakest Engine That Will Do

import java.io.IOException;
import java.util.StringTokenizer;

public class Main {
    static long solve(int n, int days, long[] wagons) {
        // Your code goes here.
        return 0;
    }

    public static void main(String[] args) throws IOException {
        StringTokenizer words = new StringTokenizer(new String(System.in.readAllBytes()));
        int n = Integer.parseInt(words.nextToken());
        int days = Integer.parseInt(words.nextToken());
        long[] wagons = new long[n];
        for (int i = 0; i < wagons.length; i++) wagons[i] = Long.parseLong(words.nextToken());
        System.out.println(solve(n, days, wagons));
    }
}
