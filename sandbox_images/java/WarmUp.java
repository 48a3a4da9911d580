import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.math.BigInteger;
import java.util.*;
import java.util.concurrent.*;
import java.util.function.*;
import java.util.stream.*;

/**
 * Uses what programs usually use: compiling it while the image is built trains the compiler's ahead-of-time cache.
 *
 * <p>It is never run.
 */
public class WarmUp {
    sealed interface Shape permits Circle, Square {}

    record Circle(double radius) implements Shape {}

    record Square(double side) implements Shape {}

    enum Colour { RED, GREEN }

    interface Visitor<T> {
        T visit(Shape shape);
    }

    static double area(Shape shape) {
        return switch (shape) {
            case Circle(double radius) -> Math.PI * radius * radius;
            case Square square -> square.side() * square.side();
        };
    }

    static <T extends Comparable<T>> T largest(Collection<? extends T> values) {
        T best = null;
        for (T value : values) {
            if (best == null || value.compareTo(best) > 0) {
                best = value;
            }
        }
        return best;
    }

    public static void main(String[] args) throws Exception {
        Map<String, Integer> counts = new HashMap<>();
        for (String word : "the quick brown fox jumps over the lazy dog".split(" ")) {
            counts.merge(word, 1, Integer::sum);
        }
        Map<String, List<Integer>> groups = new TreeMap<>();
        counts.forEach((word, count) -> groups.computeIfAbsent(word.substring(0, 1), key -> new ArrayList<>()).add(count));
        List<Integer> squares = IntStream.rangeClosed(1, 20).map(i -> i * i).boxed().collect(Collectors.toList());
        squares.sort(Comparator.comparing((Integer i) -> i % 7).thenComparing(Comparator.reverseOrder()));
        System.out.println(squares.stream().filter(i -> i % 2 == 0).map(String::valueOf).collect(Collectors.joining(",")));
        System.out.printf("%d %s %.3f%n", largest(squares), groups, area(new Circle(2)) + area(new Square(3)));
        System.out.println(String.format("%5d|%-5s|%05.1f", 42, "ab", 3.14159) + Arrays.toString(new int[] {3, 1, 2}));
        StringBuilder text = new StringBuilder();
        for (Colour colour : Colour.values()) {
            text.append(colour).append(' ').append(colour.ordinal());
        }
        System.out.println(text.reverse());
        Deque<Integer> queue = new ArrayDeque<>(squares);
        PriorityQueue<long[]> heap = new PriorityQueue<>((a, b) -> Long.compare(a[0], b[0]));
        while (!queue.isEmpty()) {
            heap.add(new long[] {queue.poll(), 1});
        }
        System.out.println(heap.poll()[0] + " " + BigInteger.TWO.pow(100) + " " + new Random(1).nextInt(10));
        BufferedReader reader = new BufferedReader(new InputStreamReader(System.in));
        StringTokenizer tokens = new StringTokenizer(reader.readLine());
        int sum = Integer.parseInt(tokens.nextToken()) + Integer.parseInt(tokens.nextToken());
        Scanner scanner = new Scanner(reader);
        while (scanner.hasNextInt()) {
            sum += scanner.nextInt();
        }
        PrintWriter out = new PrintWriter(System.out);
        out.println(sum);
        out.flush();
        ExecutorService pool = Executors.newFixedThreadPool(2);
        Future<Integer> future = pool.submit(() -> 6 * 7);
        System.out.println(future.get());
        pool.shutdown();
        Optional<String> first = Stream.of("b", "a").sorted().findFirst();
        Function<Integer, Function<Integer, Integer>> add = a -> b -> a + b;
        System.out.println(first.orElse("") + add.apply(1).apply(2) + new TreeSet<>(Set.of(1, 2)) + new LinkedList<>(squares));
        int[][] grid = new int[3][4];
        for (int[] row : grid) {
            Arrays.fill(row, 1);
        }
        System.out.println(Arrays.deepToString(grid) + Arrays.stream(grid[0]).sum());
        try {
            Object nothing = List.of().get(0);
            System.out.println(nothing);
        } catch (IndexOutOfBoundsException error) {
            System.out.println(error.getMessage());
        }
        throw new IllegalStateException("the end");
    }
}
