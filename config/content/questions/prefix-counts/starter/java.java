// Stations That Begin Like This

import java.io.IOException;
import java.util.Arrays;
import java.util.StringTokenizer;
import java.util.stream.Collectors;

public class Main {
    static long[] solve(int n, int q, String[] stations, String[] beginnings) {
        // Your code goes here.
        return new long[0];
    }

    public static void main(String[] args) throws IOException {
        StringTokenizer words = new StringTokenizer(new String(System.in.readAllBytes()));
        int n = Integer.parseInt(words.nextToken());
        int q = Integer.parseInt(words.nextToken());
        String[] stations = new String[n];
        for (int i = 0; i < stations.length; i++) stations[i] = words.nextToken();
        String[] beginnings = new String[q];
        for (int i = 0; i < beginnings.length; i++) beginnings[i] = words.nextToken();
        System.out.println(Arrays.stream(solve(n, q, stations, beginnings)).mapToObj(Long::toString).collect(Collectors.joining(" ")));
    }
}
