// The Depot League

import java.io.IOException;
import java.util.Arrays;

public class Main {
    static String[] solve(int n, String[] teams) {
        // Your code goes here.
        return new String[0];
    }

    public static void main(String[] args) throws IOException {
        String[] input = new String(System.in.readAllBytes()).split("\n", -1);
        String[] counts = input[0].trim().split(" ");
        int n = Integer.parseInt(counts[0]);
        String[] teams = Arrays.copyOfRange(input, 1, 1 + n);
        System.out.println(String.join("\n", solve(n, teams)));
    }
}
