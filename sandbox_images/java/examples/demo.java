import java.util.BitSet;
import java.util.Scanner;

public class Main {
    public static void main(String[] args) {
        int limit = new Scanner(System.in).nextInt();
        BitSet sieve = new BitSet(limit + 1);
        sieve.set(2, limit + 1);
        for (int number = 2; number * number <= limit; number++) {
            if (sieve.get(number)) {
                for (int multiple = number * number; multiple <= limit; multiple += number) {
                    sieve.clear(multiple);
                }
            }
        }
        System.out.println(sieve.cardinality() + " primes up to " + limit);
    }
}
