// Enough Platforms for Everyone

import java.io.IOException;
import java.util.StringTokenizer;

public class Main {
    static long solve(int n, long[] stays) {
        // stays: two numbers arrival, departure for each train
        // Your code goes here.
        return 0;
    }

    public static void main(String[] args) throws IOException {
        StringTokenizer words = new StringTokenizer(new String(System.in.readAllBytes()));
        int n = Integer.parseInt(words.nextToken());
        long[] stays = new long[2 * n];
        for (int i = 0; i < stays.length; i++) stays[i] = Long.parseLong(words.nextToken());
        System.out.println(solve(n, stays));
    }
}
