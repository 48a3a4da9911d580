// Water for the Steam Engine

import java.io.IOException;
import java.util.StringTokenizer;

public class Main {
    static long solve(int n, int distance, int reach, long[] towers) {
        // Your code goes here.
        return 0;
    }

    public static void main(String[] args) throws IOException {
        StringTokenizer words = new StringTokenizer(new String(System.in.readAllBytes()));
        int n = Integer.parseInt(words.nextToken());
        int distance = Integer.parseInt(words.nextToken());
        int reach = Integer.parseInt(words.nextToken());
        long[] towers = new long[n];
        for (int i = 0; i < towers.length; i++) towers[i] = Long.parseLong(words.nextToken());
        System.out.println(solve(n, distance, reach, towers));
    }
}
