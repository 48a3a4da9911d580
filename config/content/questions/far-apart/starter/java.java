// The Two Stations Farthest Apart

import java.io.IOException;
import java.util.StringTokenizer;

public class Main {
    static long solve(int n, long[] tracks) {
        // tracks: three numbers a, b, length for each track
        // Your code goes here.
        return 0;
    }

    public static void main(String[] args) throws IOException {
        StringTokenizer words = new StringTokenizer(new String(System.in.readAllBytes()));
        int n = Integer.parseInt(words.nextToken());
        long[] tracks = new long[3 * n - 3];
        for (int i = 0; i < tracks.length; i++) tracks[i] = Long.parseLong(words.nextToken());
        System.out.println(solve(n, tracks));
    }
}
