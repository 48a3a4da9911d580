// Lockers for Those Who Come Often

import java.io.IOException;
import java.util.Arrays;

public class Main {
    static String[] solve(int capacity, int n, String[] commands) {
        // Your code goes here.
        return new String[0];
    }

    public static void main(String[] args) throws IOException {
        String[] input = new String(System.in.readAllBytes()).split("\n", -1);
        String[] counts = input[0].trim().split(" ");
        int capacity = Integer.parseInt(counts[0]);
        int n = Integer.parseInt(counts[1]);
        String[] commands = Arrays.copyOfRange(input, 1, 1 + n);
        System.out.println(String.join("\n", solve(capacity, n, commands)));
    }
}
