// A Pair That Fills the Crane

import java.io.IOException;
import java.util.StringTokenizer;

public class Main {
    static String solve(int n, int target, long[] weights) {
        // Your code goes here.
        return "";
    }

    public static void main(String[] args) throws IOException {
        StringTokenizer words = new StringTokenizer(new String(System.in.readAllBytes()));
        int n = Integer.parseInt(words.nextToken());
        int target = Integer.parseInt(words.nextToken());
        long[] weights = new long[n];
        for (int i = 0; i < weights.length; i++) weights[i] = Long.parseLong(words.nextToken());
        System.out.println(solve(n, target, weights));
    }
}
