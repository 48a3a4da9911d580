// When All Bells Ring Together

import java.io.IOException;
import java.util.StringTokenizer;

public class Main {
    static long solve(int n, long[] periods) {
        // Your code goes here.
        return 0;
    }

    public static void main(String[] args) throws IOException {
        StringTokenizer words = new StringTokenizer(new String(System.in.readAllBytes()));
        int n = Integer.parseInt(words.nextToken());
        long[] periods = new long[n];
        for (int i = 0; i < periods.length; i++) periods[i] = Long.parseLong(words.nextToken());
        System.out.println(solve(n, periods));
    }
}
