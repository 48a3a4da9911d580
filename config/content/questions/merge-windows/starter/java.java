// When Is the Track Closed?

import java.io.IOException;
import java.util.StringTokenizer;

public class Main {
    static String[] solve(int n, long[] windows) {
        // windows: two numbers from, to for each window
        // Your code goes here.
        return new String[0];
    }

    public static void main(String[] args) throws IOException {
        StringTokenizer words = new StringTokenizer(new String(System.in.readAllBytes()));
        int n = Integer.parseInt(words.nextToken());
        long[] windows = new long[2 * n];
        for (int i = 0; i < windows.length; i++) windows[i] = Long.parseLong(words.nextToken());
        System.out.println(String.join("\n", solve(n, windows)));
    }
}
