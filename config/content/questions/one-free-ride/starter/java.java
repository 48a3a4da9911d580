// One Ride Is Free

import java.io.IOException;
import java.util.StringTokenizer;

public class Main {
    static long solve(int n, int m, long[] rides) {
        // rides: three numbers a, b, fare for each line
        // Your code goes here.
        return 0;
    }

    public static void main(String[] args) throws IOException {
        StringTokenizer words = new StringTokenizer(new String(System.in.readAllBytes()));
        int n = Integer.parseInt(words.nextToken());
        int m = Integer.parseInt(words.nextToken());
        long[] rides = new long[3 * m];
        for (int i = 0; i < rides.length; i++) rides[i] = Long.parseLong(words.nextToken());
        System.out.println(solve(n, m, rides));
    }
}
