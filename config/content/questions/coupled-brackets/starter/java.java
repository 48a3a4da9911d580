// Couplings in Order

import java.io.IOException;
import java.util.StringTokenizer;

public class Main {
    static String solve(String text) {
        // Your code goes here.
        return "";
    }

    public static void main(String[] args) throws IOException {
        StringTokenizer words = new StringTokenizer(new String(System.in.readAllBytes()));
        String text = words.nextToken();
        System.out.println(solve(text));
    }
}
