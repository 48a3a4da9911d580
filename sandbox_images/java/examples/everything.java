import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

public class Everything {
    public static void main(String[] args) throws IOException {
        System.in.transferTo(System.out);
        for (String argument : args) {
            System.out.println(argument);
        }
        System.out.print(Files.readString(Path.of("data.txt")));
        System.err.println("to stderr");
        System.exit(3);
    }
}
