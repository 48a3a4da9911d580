// The Largest Poster on the Fence

import java.io.IOException;
import java.util.StringTokenizer;

public class Main {
    static long solve(int n, long[] heights) {
        // Your code goes here.
        return 0;
    }

    public static void main(String[] args) throws IOException {
        StringTokenizer words = new StringTokenizer(new String(System.in.readAllBytes()));
        int n = Integer.parseInt(words.nextToken());
        long[] heights = new long[n];
        for (int i = 0; i < heights.length; i++) heights[i] = Long.parseLong(words.nextToken());
        System.out.println(solve(n, heights));
    }
}
