// The Inspector's Round

import java.io.IOException;
import java.util.StringTokenizer;

public class Main {
    static long solve(int n, long[] minutes) {
        // minutes: row by row, from each depot to each depot
        // Your code goes here.
        return 0;
    }

    public static void main(String[] args) throws IOException {
        StringTokenizer words = new StringTokenizer(new String(System.in.readAllBytes()));
        int n = Integer.parseInt(words.nextToken());
        long[] minutes = new long[n * n];
        for (int i = 0; i < minutes.length; i++) minutes[i] = Long.parseLong(words.nextToken());
        System.out.println(solve(n, minutes));
    }
}
